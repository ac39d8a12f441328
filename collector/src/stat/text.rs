//! The reports as text for people.

use std::fmt::{self, Write as _};

use trace::{Latency, Wait};

use super::{
    allocator::Allocator,
    report::{Report, Table},
    rows::{Counts, Row},
};
use crate::{bpf::ProgramAccount, number};

/// The options for reports as text.
#[derive(Debug, Clone, Copy)]
pub struct Text {
    /// The greatest number of rows of each table.
    pub limit: usize,
}

impl Text {
    /// Returns the tables of an interval. Without columns, returns one line for the interval, like vmstat, with a
    /// heading before the `first` interval.
    ///
    /// # Errors
    /// Never, because writing to a `String` does not fail.
    pub fn interval(self, report: &Report, first: bool) -> Result<String, fmt::Error> {
        let mut text = String::new();
        let seconds = report.at_ns as f64 / 1e9;
        if report.tables.iter().any(|table| !table.by.is_empty()) {
            writeln!(text, "{}── {seconds:.3} s", if first { "" } else { "\n" })?;
            for table in &report.tables {
                self.table(&mut text, table)?;
            }
            return Ok(text);
        }
        let rate = |count: u64| number::count((count as f64 * 1e9 / report.took_ns.max(1) as f64).round() as u64);
        if first {
            write!(text, "{:>10}", "time")?;
            for table in &report.tables {
                let allocator = table.allocator.name();
                write!(text, "  {:>14} {:>14} {:>12} {:>8}", format!("{allocator}/s"), "freed/s", "bytes/s", "failed")?;
            }
            writeln!(text, "  {:>8} {:>8} {:>8}", "reclaim", "compact", "missed")?;
        }
        write!(text, "{:>10}", format!("{seconds:.3}"))?;
        for table in &report.tables {
            let Counts { allocs, frees, alloc_bytes, failures, .. } = table.total;
            let bytes = number::bytes((alloc_bytes as f64 * 1e9 / report.took_ns.max(1) as f64) as u64);
            write!(text, "  {:>14} {:>14} {bytes:>12} {:>8}", rate(allocs), rate(frees), number::count(failures))?;
        }
        let waits = |wanted: &[Wait]| {
            report
                .latencies
                .iter()
                .filter(|(wait, _)| wanted.contains(wait))
                .map(|(_, latency)| latency.count)
                .sum::<u64>()
        };
        let missed: u64 = report.ledger.iter().map(|account| account.missed).sum();
        let waits = [waits(&[Wait::DirectReclaim]), waits(&[Wait::Compaction, Wait::Kcompactd]), missed];
        let [reclaim, compaction, missed] = waits.map(number::count);
        writeln!(text, "  {reclaim:>8} {compaction:>8} {missed:>8}")?;
        Ok(text)
    }

    /// Returns the tables, histograms and ledger of the whole time since counting began. `unavailable` holds the
    /// latencies that cannot be measured on this host, with the reasons.
    ///
    /// # Errors
    /// Never, because writing to a `String` does not fail.
    pub fn summary(self, report: &Report, unavailable: &[(Wait, String)]) -> Result<String, fmt::Error> {
        let mut text = String::new();
        for table in &report.tables {
            self.table(&mut text, table)?;
        }
        for (wait, latency) in &report.latencies {
            if let Some((_, reason)) = unavailable.iter().find(|(known, _)| known == wait) {
                writeln!(text, "{}: cannot be measured here: {reason}", title(*wait))?;
            } else if latency.count + latency.unpaired > 0 {
                histogram(&mut text, title(*wait), latency)?;
            }
        }
        if report.latencies.iter().all(|(_, latency)| latency.count + latency.unpaired == 0) {
            writeln!(text, "nobody waited for direct reclaim or compaction")?;
        }
        let ProgramAccount { seen, counted, no_room, filtered, missed, .. } = ProgramAccount::total(&report.ledger);
        let [seen, counted, shown_no_room, filtered, missed] =
            [seen, counted, no_room, filtered, missed].map(number::count);
        writeln!(
            text,
            "{:.1} s: seen {seen} = counted {counted} + without room {shown_no_room} + filtered {filtered}; missed by the kernel {missed}",
            report.took_ns as f64 / 1e9
        )?;
        if no_room > 0 {
            writeln!(
                text,
                "Events without room are in the totals, but in no row. Try more --rows, or fewer columns in --by."
            )?;
        }
        Ok(text)
    }

    /// Writes one table, with its heading and its total.
    fn table(self, text: &mut String, table: &Table) -> fmt::Result {
        let name = match table.allocator {
            Allocator::Page => "pages",
            Allocator::Slab => "objects",
        };
        let mut head: Vec<String> =
            if table.by.is_empty() { vec![String::new()] } else { table.by.iter().map(ToString::to_string).collect() };
        let labels = head.len();
        head.extend(["allocs", "frees", "allocated"].map(str::to_owned));
        head.push(match table.allocator {
            Allocator::Page => "freed".to_owned(),
            Allocator::Slab => "asked for".to_owned(),
        });
        head.push("failed".to_owned());
        let mut lines = vec![head];
        lines.extend(
            table
                .rows
                .iter()
                .take(self.limit)
                .map(|Row { values, counts }| line(table.allocator, values.clone(), *counts)),
        );
        let (shown, all) = (table.rows.len().min(self.limit), table.rows.len());
        let mut total = vec![String::new(); labels];
        total[0] = if all > shown {
            format!("{name} ({} of {} rows)", number::count(shown as u64), number::count(all as u64))
        } else {
            name.to_owned()
        };
        lines.push(line(table.allocator, total, table.total));
        align(text, &lines, labels)?;
        text.push('\n');
        Ok(())
    }
}

/// Returns the cells of a row: first the values, then the counts.
fn line(allocator: Allocator, mut cells: Vec<String>, counts: Counts) -> Vec<String> {
    let last = match allocator {
        Allocator::Page => counts.free_bytes,
        Allocator::Slab => counts.requested_bytes,
    };
    cells.extend([number::count(counts.allocs), number::count(counts.frees)]);
    cells.extend([number::bytes(counts.alloc_bytes), number::bytes(last), number::count(counts.failures)]);
    cells
}

/// Writes lines of cells as columns. The first `names` cells are aligned to the left, the numbers to the right.
fn align(text: &mut String, lines: &[Vec<String>], names: usize) -> fmt::Result {
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<_> = (0..lines.first().map_or(0, Vec::len)).map(width).collect();
    for line in lines {
        let mut shown = String::new();
        for (column, cell) in line.iter().enumerate() {
            let width = widths[column];
            if column < names { write!(shown, "{cell:<width$}  ")? } else { write!(shown, "{cell:>width$}  ")? }
        }
        writeln!(text, "{}", shown.trim_end())?;
    }
    Ok(())
}

/// Returns the name of an operation, in words.
fn title(wait: Wait) -> &'static str {
    match wait {
        Wait::DirectReclaim => "direct reclaim",
        Wait::Compaction => "compaction",
        Wait::Kcompactd => "compaction by kcompactd",
    }
}

/// Writes a histogram as lines with bars.
fn histogram(text: &mut String, title: &str, latency: &Latency) -> fmt::Result {
    const BAR: u64 = 40;
    let mean = latency.total_ns.checked_div(latency.count).unwrap_or(0);
    write!(
        text,
        "{title}: {} times, {} each on average, at most {}",
        number::count(latency.count),
        number::time(mean),
        number::time(latency.max_ns)
    )?;
    if latency.unpaired > 0 {
        write!(text, "; {} more whose beginning was not seen", number::count(latency.unpaired))?;
    }
    text.push('\n');
    let most = latency.buckets.iter().copied().max().unwrap_or(0).max(1);
    let filled = |count: &u64| *count > 0;
    let (Some(first), Some(last)) = (latency.buckets.iter().position(filled), latency.buckets.iter().rposition(filled))
    else {
        return Ok(());
    };
    for (bucket, count) in latency.buckets.iter().enumerate().take(last + 1).skip(first) {
        let bar = "█".repeat((count * BAR).div_ceil(most) as usize);
        let (from, to) = (number::time(if bucket == 0 { 0 } else { 1 << bucket }), number::time(2 << bucket));
        writeln!(text, "{}", format!("  {from:>8} to {to:>8}  {:>9}  {bar}", number::count(*count)).trim_end())?;
    }
    text.push('\n');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histograms_show_the_gap_between_their_ends() {
        let mut latency = Latency::NONE;
        for ns in [1_500, 1_600, 9_000] {
            latency.record(ns);
        }
        let mut text = String::new();
        histogram(&mut text, "direct reclaim", &latency).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "direct reclaim: 3 times, 4.03 µs each on average, at most 9.00 µs");
        assert_eq!(lines[1], format!("   1.02 µs to  2.05 µs          2  {}", "█".repeat(40)));
        assert_eq!(lines[2], "   2.05 µs to  4.10 µs          0");
        assert_eq!(lines[4], format!("   8.19 µs to  16.4 µs          1  {}", "█".repeat(20)));
    }
}
