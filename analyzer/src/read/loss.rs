//! This module counts what a trace lacks, lost events and damaged files, so that no number is shown without its losses.

use std::collections::BTreeMap;

use serde::Serialize;
use trace::{FragEvent, Kind, Ledger, Problem, Row as _, Trace};

use super::events::Events;
use crate::units;

/// The loss ledger, and the problems of the trace's files.
#[derive(Debug, Clone, Default)]
pub struct Loss {
    /// The counts of every program and CPU at the end of the trace's span of time, less those at its start.
    pub ledger: Vec<Account>,
    /// The damaged and torn parts of files that have been met so far.
    pub problems: Vec<Problem>,
    /// The sampling rate: one frame and one object in this many was followed. 0 and 1 stand for all of them.
    pub sample: u32,
}

/// What became of the events of one program on one CPU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Account {
    /// The number of the CPU; `None` for counts of all CPUs together.
    pub cpu: Option<u16>,
    /// The name of the program, which is the kind of its events.
    pub program: String,
    /// The number of times that the program ran.
    pub seen: u64,
    /// The number of rows in the trace.
    pub written: u64,
    /// The number of events lost after the program saw them.
    pub dropped: u64,
    /// The number of events that a filter left out.
    pub filtered: u64,
    /// The number of times that the kernel did not run the program.
    pub missed: u64,
}

/// The sums of several [`Account`]s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Totals {
    /// The number of times that the programs ran.
    pub seen: u64,
    /// The number of rows in the trace.
    pub written: u64,
    /// The number of events lost after the programs saw them.
    pub dropped: u64,
    /// The number of events that a filter left out.
    pub filtered: u64,
    /// The number of times that the kernel did not run the programs.
    pub missed: u64,
}

impl Totals {
    /// Returns the number of events that no count accounts for: 0 if seen = written + dropped + filtered.
    pub fn unaccounted(&self) -> i64 {
        self.seen.cast_signed().wrapping_sub((self.written + self.dropped + self.filtered).cast_signed())
    }

    /// Writes the equation of the ledger, with a check mark if it holds, or else with the number of unaccounted events.
    pub fn equation(&self) -> String {
        let number = |number: u64| units::count(number.cast_signed());
        let verdict = match self.unaccounted() {
            0 => "✓".to_owned(),
            left => format!("✗ {} events are not accounted for", units::count(left)),
        };
        format!(
            "seen {} = written {} + dropped {} + filtered {} {verdict}",
            number(self.seen),
            number(self.written),
            number(self.dropped),
            number(self.filtered)
        )
    }
}

impl Loss {
    /// Reads the ledger for the trace's span of time. Damage in the event tables is known only when these are read:
    /// [`add`](Self::add) it then.
    pub fn read(trace: &Trace) -> Self {
        let mut loss = Self { ledger: Vec::new(), problems: trace.problems.clone(), sample: trace.header.sample };
        // Counts go up from row to row, so the counts of a span are those at its end less those at its start.
        let mut rows: BTreeMap<_, (Option<Ledger>, Option<Ledger>)> = BTreeMap::new();
        for row in trace.all::<Ledger>(&mut loss.problems) {
            let (before, after) = rows.entry((row.program.clone(), row.cpu)).or_default();
            if row.time < *trace.span.start() {
                *before = Some(row.clone());
            }
            if after.as_ref().is_none_or(|after| after.time < *trace.span.end()) {
                *after = Some(row);
            }
        }
        loss.ledger = rows
            .into_iter()
            .map(|((program, cpu), (before, after))| {
                let counts = |row: Option<Ledger>| {
                    row.map_or([0; 5], |row| [row.seen, row.written, row.dropped, row.filtered, row.missed])
                };
                let (before, after) = (counts(before), counts(after));
                let [seen, written, dropped, filtered, missed] =
                    std::array::from_fn(|count| after[count].saturating_sub(before[count]));
                Account {
                    cpu: (cpu != Ledger::ALL_CPUS).then_some(cpu),
                    program,
                    seen,
                    written,
                    dropped,
                    filtered,
                    missed,
                }
            })
            .collect();
        loss
    }

    /// Adds problems that were met while events were read; each is kept once.
    pub fn add(&mut self, problems: Vec<Problem>) {
        for problem in problems {
            if !self.problems.contains(&problem) {
                self.problems.push(problem);
            }
        }
    }

    /// Returns the sums over all programs.
    pub fn totals(&self) -> Totals {
        self.sum(|_| true)
    }

    fn sum(&self, chosen: impl Fn(&Account) -> bool) -> Totals {
        self.ledger.iter().filter(|account| chosen(account)).fold(Totals::default(), |sum, account| Totals {
            seen: sum.seen + account.seen,
            written: sum.written + account.written,
            dropped: sum.dropped + account.dropped,
            filtered: sum.filtered + account.filtered,
            missed: sum.missed + account.missed,
        })
    }

    /// Returns the number of events of this sort that happened and were wanted, but are not readable: they were dropped
    /// or missed, or are in a damaged part of a file.
    pub fn lost(&self, events: Events) -> u64 {
        let (programs, damaged) = self.lost_of(events.table(), kinds(events));
        programs.dropped + programs.missed + damaged
    }

    /// Returns the totals of the programs of these kinds, and the number of rows in damaged parts of their table.
    fn lost_of(&self, table: &str, kinds: &[Kind]) -> (Totals, u64) {
        let programs = self.sum(|account| {
            account.program == Ledger::ANY_PROGRAM || kinds.iter().any(|kind| kind.name() == account.program)
        });
        let of_table = self.problems.iter().filter(|problem| problem.file.starts_with(&format!("{table}-")));
        (programs, of_table.map(|problem| problem.rows_lost).sum())
    }

    /// Returns the sentence for numbers that depend on these events: the sampling that they are estimated from, and the
    /// events that are missing. Returns `None` if every event is there.
    pub fn sentence(&self, events: Events) -> Option<String> {
        let mut parts = Vec::new();
        if self.sample > 1 {
            let sample = units::count(i64::from(self.sample));
            parts.push(format!("counts and bytes are estimated from 1 frame and 1 object in {sample}"));
        }
        parts.extend(self.lost_in_words(events.table(), kinds(events)));
        if !self.problems.is_empty() {
            let problems = units::len(self.problems.len());
            parts.push(format!("the trace has {problems} problem(s), see `analyzer info`"));
        }
        (!parts.is_empty()).then(|| format!("! {}", parts.join("; ")))
    }

    /// Returns the sentence about missing events of the family `frag`, or `None` if all of them are there.
    pub fn sentence_of_frag(&self) -> Option<String> {
        let lost = self.lost_in_words(FragEvent::TABLE, &[Kind::ZoneLocked, Kind::PcpuDrain, Kind::ExtFrag]);
        lost.map(|lost| format!("! {lost}"))
    }

    fn lost_in_words(&self, table: &str, kinds: &[Kind]) -> Option<String> {
        let (programs, damaged) = self.lost_of(table, kinds);
        let lost = programs.dropped + programs.missed + damaged;
        if lost == 0 {
            return None;
        }
        let share = lost as f64 / (programs.written + lost).max(1) as f64 * 100.0;
        let share = if share < 0.01 { "less than 0.01".to_owned() } else { format!("{share:.2}") };
        let causes = [(programs.dropped, "dropped"), (programs.missed, "missed"), (damaged, "in damaged batches")];
        let causes = causes
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, cause)| format!("{} {cause}", units::count(count.cast_signed())));
        let causes = causes.collect::<Vec<_>>().join(", ");
        let lost = units::count(lost.cast_signed());
        Some(format!("{lost} {table} events ({share} % of those that were wanted) are not in this trace: {causes}"))
    }
}

fn kinds(events: Events) -> &'static [Kind] {
    match events {
        Events::Page => &[Kind::PageAlloc, Kind::PageFree],
        Events::Slab => &[Kind::Kmalloc, Kind::Kfree, Kind::CacheAlloc, Kind::CacheFree],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(program: &str, cpu: Option<u16>, [seen, written, dropped, filtered, missed]: [u64; 5]) -> Account {
        Account { cpu, program: program.into(), seen, written, dropped, filtered, missed }
    }

    #[test]
    fn loss_is_summed_per_sort_of_events() {
        let mut loss = Loss {
            ledger: vec![
                account("page_alloc", Some(0), [100, 90, 4, 6, 0]),
                account("page_free", Some(1), [10, 10, 0, 0, 0]),
                account("page_free", None, [0, 0, 0, 0, 2]),
                account("kmalloc", Some(0), [7, 5, 1, 0, 0]),
            ],
            problems: vec![],
            sample: 1,
        };
        assert_eq!((loss.lost(Events::Page), loss.lost(Events::Slab)), (6, 1));
        assert_eq!(loss.totals(), Totals { seen: 117, written: 105, dropped: 5, filtered: 6, missed: 2 });
        assert_eq!(loss.totals().unaccounted(), 1);
        assert!(loss.totals().equation().ends_with("✗ 1 events are not accounted for"));
        let damage = trace::ProblemKind::Damaged;
        loss.problems.push(Problem {
            file: "page-000000.arrow".into(),
            batch: Some(0),
            kind: damage,
            rows_lost: 40,
            detail: String::new(),
        });
        assert_eq!(loss.lost(Events::Page), 46);
        let sentence = loss.sentence(Events::Page).unwrap();
        assert!(
            sentence.contains("46 page events")
                && sentence.contains("4 dropped, 2 missed")
                && sentence.contains("1 problem"),
            "{sentence}"
        );
        assert_eq!(Loss::default().sentence(Events::Slab), None);
        let sampled = Loss { sample: 10, ..Loss::default() }.sentence(Events::Page).unwrap();
        assert!(sampled.contains("estimated from 1 frame and 1 object in 10"), "{sampled}");
    }
}
