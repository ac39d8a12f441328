//! What a trace is: where it comes from, what is in it, what it lacks, and whether it is whole.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use trace::{FragEvent, Header, PageEvent, ReclaimEvent, Row as _, SlabEvent, Trace};

use crate::{
    Error, Key, Loss,
    columns::u8s,
    frames::{self, Progress},
    loss::Totals,
    matched::{Class, Row},
    observer::Observer,
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
        let kinds = Kinds::read(trace, &Self::TABLES, progress)?;
        Self::new(trace, &[kinds], Loss { problems: trace.verify(), ..Loss::read(trace) })
    }

    /// The tables of pages and objects, whose events everything is about.
    pub(crate) const TABLES: [&str; 2] = [PageEvent::TABLE, SlabEvent::TABLE];
    /// The others with events.
    const OTHER_TABLES: [&str; 2] = [FragEvent::TABLE, ReclaimEvent::TABLE];

    /// For those who count the events of [`Self::TABLES`], and compare their checksums, while they do something else
    /// with them.
    pub(crate) fn new(trace: &Trace, kinds: &[Kinds], loss: Loss) -> Result<Self, Error> {
        let header = trace.header.clone();
        let others = Kinds::read(trace, &Self::OTHER_TABLES, &frames::silent)?;
        let count = |kind: u8| kinds.iter().chain([&others]).map(|kinds| kinds.of(kind)).sum::<u64>();
        let mut events: BTreeMap<String, u64> =
            header.kinds.iter().map(|(name, number)| (name.clone(), count(*number))).collect();
        let known = |kind: &u8| header.kinds.values().any(|number| number == kind);
        events.extend(
            (0..=u8::MAX)
                .filter(|kind| count(*kind) > 0 && !known(kind))
                .map(|kind| (format!("kind {kind}"), count(kind))),
        );
        Ok(Self { events, time_range: Self::time_range(trace), header, loss })
    }

    /// First and last event, in ns of the clock, as the manifest has them.
    pub(crate) fn time_range(trace: &Trace) -> Option<(u64, u64)> {
        let batches = || {
            Self::TABLES.into_iter().flat_map(|table| {
                trace.table(table).flat_map(|segment| &segment.batches).filter(move |batch| trace.reads(table, batch))
            })
        };
        let (first, last) = batches().map(|batch| batch.first).min().zip(batches().map(|batch| batch.last).max())?;
        Some((first.max(*trace.span.start()), last.min(*trace.span.end())))
    }

    /// The same in JSON; its keys are a contract.
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

    /// Label and value of everything that is said about the trace as a whole.
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
                    "{} ({:.0} per second)",
                    units::count(events.cast_signed()),
                    events as f64 / header.duration_s().max(1e-9)
                ),
            ),
        ];
        if header.sample > 1 {
            facts.push((
                "sampled",
                format!(
                    "1 frame and 1 object in {} was followed; these are the events that were kept, reports scale them",
                    header.sample
                ),
            ));
        }
        facts
    }
}

/// How many events there are of each kind.
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
            let _damage = frames::for_each(trace, table, Some(&["kind"]), progress, |frame| {
                u8s(&frame, "kind")?.iter().for_each(|kind| kinds.count(*kind));
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

impl Observer for Kinds {
    fn row(&mut self, row: &Row<'_>) {
        if row.class != Class::Implied {
            self.count(row.kind);
        }
    }

    fn asks_who(&self) -> Vec<Key> {
        Vec::new()
    }
}

/// When the recording started, as RFC 3339 in UTC.
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
