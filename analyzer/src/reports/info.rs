//! What a trace is: where it comes from, what is in it, what it lacks, and whether it is whole.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use trace::{FragEvent, Header, ReclaimEvent, Row as _, Trace};

use crate::{
    Error, Events, Key, Loss,
    aggregate::accumulator::Accumulator,
    matching::event::{Class, MatchedEvent},
    present::table::{Cell, Table, Unit},
    read::{
        batches::{self, Progress},
        columns::u8s,
        events::time_range,
        loss::{Account, Totals},
    },
    units,
};

/// The answer of `analyzer info`.
#[derive(Debug, Clone)]
pub struct Info {
    /// the trace's header
    pub header: Header,
    /// how many events of each kind can be read
    pub events: BTreeMap<String, u64>,
    /// first and last event, in ns of the clock
    pub time_range: Option<(u64, u64)>,
    /// what was lost, and every problem that a comparison of all checksums found
    pub loss: Loss,
}

impl Info {
    /// Reads the whole trace once.
    ///
    /// # Errors
    /// If the columns of the event tables are not what the format says.
    pub fn read(trace: &Trace, progress: Progress<'_>) -> Result<Self, Error> {
        // Damage is found, and found once, by `verify`.
        let kinds = Kinds::read(trace, &Events::ALL.map(Events::table), progress)?;
        Self::new(trace, &[kinds], Loss { problems: trace.verify(), ..Loss::read(trace) })
    }

    /// The tables with events that are neither about pages nor about objects.
    const OTHER_TABLES: [&str; 2] = [FragEvent::TABLE, ReclaimEvent::TABLE];

    /// Makes the answer for those who read the events of pages and objects anyway, and count their `kinds` and compare
    /// their checksums meanwhile.
    pub(crate) fn new(trace: &Trace, kinds: &[Kinds], loss: Loss) -> Result<Self, Error> {
        let header = trace.header.clone();
        let others = Kinds::read(trace, &Self::OTHER_TABLES, &batches::silent)?;
        let count = |kind: u8| kinds.iter().chain([&others]).map(|kinds| kinds.of(kind)).sum::<u64>();
        let mut events: BTreeMap<String, u64> =
            header.kinds.iter().map(|(name, number)| (name.clone(), count(*number))).collect();
        let known = |kind: &u8| header.kinds.values().any(|number| number == kind);
        events.extend(
            (0..=u8::MAX)
                .filter(|kind| count(*kind) > 0 && !known(kind))
                .map(|kind| (format!("kind {kind}"), count(kind))),
        );
        Ok(Self { events, time_range: time_range(trace), header, loss })
    }

    /// Returns the answer as JSON; its keys are a contract.
    pub fn to_json(&self) -> Value {
        let Header {
            tool,
            host,
            kernel,
            architecture,
            clock,
            page_size,
            pageblock_order,
            zones,
            sample,
            options,
            finished,
            ..
        } = &self.header;
        let Totals { seen, written, dropped, filtered, missed } = self.loss.totals();
        json!({
            "format": self.header.format,
            "tool": tool,
            "host": host,
            "kernel": kernel,
            "architecture": architecture,
            "cpus": self.header.cpu_node.len(),
            "page_size": page_size,
            "pageblock_order": pageblock_order,
            "zones": zones,
            "clock": clock,
            "sample": sample,
            "options": options,
            "finished": finished,
            "duration_s": self.header.duration_s(),
            "events": self.events,
            "time_range_ns": self.time_range.map(|(first, last)| [first, last]),
            "ledger": {
                "seen": seen, "written": written, "dropped": dropped, "filtered": filtered, "missed": missed,
                "unaccounted": self.loss.totals().unaccounted(),
                "per_cpu": self.loss.ledger,
            },
            "integrity": {"ok": self.loss.problems.is_empty(), "problems": self.loss.problems},
        })
    }

    /// Returns label and value of everything that is said about the trace as a whole.
    pub fn facts(&self) -> Vec<(&'static str, String)> {
        let header = &self.header;
        let managed: u64 = header.zones.iter().map(|zone| zone.managed).sum();
        let nodes: std::collections::BTreeSet<u16> = header.zones.iter().map(|zone| zone.node).collect();
        let events: u64 = self.events.values().sum();
        let mut facts = vec![
            ("host", header.host.clone()),
            ("kernel", format!("{} {}", header.kernel, header.architecture)),
            (
                "recorded",
                format!("{}, {} ({})", utc(header), units::duration(header.duration_s() * 1e9), header.clock.name),
            ),
            ("by", format!("{} {}: {}", header.tool.name, header.tool.version, header.tool.command.join(" "))),
            (
                "ended",
                header
                    .finished
                    .clone()
                    .unwrap_or_else(|| "it did not: the collector was killed or is still running".into()),
            ),
            ("CPUs", format!("{} on {} NUMA node(s)", header.cpu_node.len(), nodes.len())),
            (
                "memory",
                format!(
                    "{} managed, pages of {}, pageblocks of order {}",
                    units::bytes((managed * header.page_size).cast_signed()),
                    units::bytes(header.page_size.cast_signed()),
                    header.pageblock_order
                ),
            ),
            (
                "events",
                format!(
                    "{} ({} per second)",
                    units::count(events.cast_signed()),
                    units::count((events as f64 / header.duration_s().max(1e-9)).round() as i64)
                ),
            ),
        ];
        if header.sample > 1 {
            facts.push((
                "sampled",
                format!(
                    "1 frame and 1 object in {} was followed; these are the events that were kept, reports scale them",
                    units::count(i64::from(header.sample))
                ),
            ));
        }
        facts
    }
}

impl Loss {
    /// Returns the ledger as a table.
    pub fn table(&self) -> Table {
        let mut table = Table::new("Loss ledger");
        table.column("program", "Program", Unit::Text).column("cpu", "CPU", Unit::Number);
        for (id, title) in [
            ("seen", "Seen"),
            ("written", "Written"),
            ("dropped", "Dropped"),
            ("filtered", "Filtered"),
            ("missed", "Missed"),
        ] {
            table.column(id, title, Unit::Count);
        }
        table.column("unaccounted", "Unaccounted", Unit::Count);
        for Account { cpu, program, seen, written, dropped, filtered, missed } in &self.ledger {
            let totals =
                Totals { seen: *seen, written: *written, dropped: *dropped, filtered: *filtered, missed: *missed };
            let numbers =
                [*seen, *written, *dropped, *filtered, *missed].map(|number| Cell::Integer(number.cast_signed()));
            let cpu = cpu.map_or_else(|| Cell::Text("all".into()), |cpu| Cell::Integer(i64::from(cpu)));
            table.row(
                [Cell::Text(program.clone()), cpu]
                    .into_iter()
                    .chain(numbers)
                    .chain([Cell::Integer(totals.unaccounted())])
                    .collect(),
            );
        }
        table
    }
}

/// The accumulator of how many events there are of each kind.
pub(crate) struct Kinds([u64; 256]);

impl Default for Kinds {
    fn default() -> Self {
        Self([0; 256])
    }
}

impl Kinds {
    fn read(trace: &Trace, tables: &[&str], progress: Progress<'_>) -> Result<Self, Error> {
        let mut kinds = Self::default();
        for table in tables {
            let _damage = batches::for_each(trace, table, Some(&["kind"]), progress, |batch| {
                u8s(&batch, "kind")?.iter().for_each(|kind| kinds.count(*kind));
                Ok(())
            })?;
        }
        Ok(kinds)
    }

    fn count(&mut self, kind: u8) {
        self.0[usize::from(kind)] += 1;
    }

    fn of(&self, kind: u8) -> u64 {
        self.0[usize::from(kind)]
    }
}

impl Accumulator for Kinds {
    fn event(&mut self, event: &MatchedEvent<'_>) {
        if event.class != Class::Implied {
            self.count(event.kind);
        }
    }

    fn tells_apart(&self) -> Vec<Key> {
        Vec::new()
    }
}

/// Returns when the recording started, as RFC 3339 in UTC.
pub(crate) fn utc(header: &Header) -> String {
    let ns = i128::from(header.clock.start_ns) + i128::from(header.clock.utc_offset_ns);
    let (days, seconds) = ((ns / 1_000_000_000).div_euclid(86400) as i64, (ns / 1_000_000_000).rem_euclid(86400));
    // Howard Hinnant's civil_from_days: eras of 400 years, years that start in March.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = year_of_era + era * 400 + carry;
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", seconds / 3600, seconds / 60 % 60, seconds % 60)
}
