//! Fallbacks (`mm_page_alloc_extfrag`): a request that found its own migratetype's lists empty, and took a block of
//! another's.

use std::{collections::HashMap, fmt, str::FromStr};

use trace::{FragEvent, Header};

use super::events::Moved;
use crate::{
    Error, Key, Names,
    fast_hash::NumberMap,
    matched::{Actor, Class, Row, UNKNOWN},
    profile::{Asker, Profile, of_asker},
    table::{Cell, Table, Unit},
    tasks::Recent,
};

/// So many fallbacks of one CPU may wait for the allocation that they were for; a pcp list is refilled with fewer.
const WAITING: usize = 1 << 12;

/// How much a fallback harms, as mmtests and the kernel's own changelogs count "fragmenting" events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// pages that cannot be moved now lie among movable ones, in a pageblock that compaction can no longer empty
    Severe,
    /// types are mixed in a pageblock in another way
    Moderate,
    /// a whole pageblock or more changed its type: nothing is mixed
    Harmless,
}

impl Severity {
    const ALL: [Self; 3] = [Self::Severe, Self::Moderate, Self::Harmless];

    /// Its name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Severe => "severe",
            Self::Moderate => "moderate",
            Self::Harmless => "harmless",
        }
    }

    fn of(header: &Header, event: &FragEvent) -> Self {
        let movable = |migratetype: u8| header.migratetype_name(migratetype).eq_ignore_ascii_case("movable");
        if event.fallback_order >= header.pageblock_order {
            Self::Harmless
        } else if movable(event.fallback_migratetype) && !movable(event.migratetype) {
            Self::Severe
        } else {
            Self::Moderate
        }
    }
}

/// What fallbacks can be grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// [`Severity`]
    Severity,
    /// the migratetype that lost the block
    From,
    /// order of the block that was taken
    FallbackOrder,
    /// as in other statistics
    Key(Key),
}

impl By {
    /// Everything that an event of the kernel's tells, or the allocation that it was for.
    pub const ALL: [Self; 14] = [
        Self::Severity,
        Self::Key(Key::Migratetype),
        Self::From,
        Self::Key(Key::Order),
        Self::FallbackOrder,
        Self::Key(Key::Zone),
        Self::Key(Key::Comm),
        Self::Key(Key::Process),
        Self::Key(Key::Pid),
        Self::Key(Key::Cgroup),
        Self::Key(Key::Callsite),
        Self::Key(Key::Function),
        Self::Key(Key::Cpu),
        Self::Key(Key::Time),
    ];
    /// What is shown unless something else is asked for.
    pub const DEFAULT: [Self; 4] = [Self::Severity, Self::Key(Key::Migratetype), Self::From, Self::Key(Key::Comm)];

    /// Its name on the command line and in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Severity => "severity",
            Self::From => "from",
            Self::FallbackOrder => "fallback_order",
            Self::Key(key) => key.name(),
        }
    }

    /// What it means, in a line.
    pub const fn doc(self) -> &'static str {
        match self {
            Self::Severity => "severe, moderate or harmless",
            Self::From => "migratetype that the block was taken from",
            Self::FallbackOrder => "order of the block that was taken",
            Self::Key(Key::Callsite | Key::Function) => "who asked, where the allocation has a stack (record --stacks)",
            Self::Key(Key::Time) => "when it happened, since the start: intervals of round length",
            Self::Key(key) => key.doc(),
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Severity => "Severity",
            Self::From => "Taken from",
            Self::FallbackOrder => "Block order",
            Self::Key(Key::Migratetype) => "Asked for",
            Self::Key(key) => key.title(),
        }
    }

    fn unit(self) -> Unit {
        match self {
            Self::Severity | Self::From => Unit::Text,
            Self::FallbackOrder => Unit::Number,
            Self::Key(key) => key.unit(),
        }
    }

    pub(super) fn is_call_site(self) -> bool {
        matches!(self, Self::Key(Key::Callsite | Key::Function))
    }

    fn of(self, fallback: &Fallback, names: &Names<'_>) -> i64 {
        match self {
            Self::Severity => fallback.severity as i64,
            Self::From => i64::from(fallback.from),
            Self::FallbackOrder => i64::from(fallback.order),
            Self::Key(key) => key.of(&fallback.row(), names),
        }
    }

    fn decode(self, value: i64, names: &Names<'_>) -> String {
        match self {
            Self::Severity => Severity::ALL.get(value as usize).map_or("-", |severity| severity.name()).to_owned(),
            Self::From => names.header.migratetype_name(value as u8),
            Self::FallbackOrder => value.to_string(),
            Self::Key(key) => key.decode(value, names),
        }
    }
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for By {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let known = || Self::ALL.map(Self::name).join(", ");
        Self::ALL.into_iter().find(|by| by.name() == name).ok_or_else(|| Error::Unknown {
            what: "key",
            given: name.to_owned(),
            known: known(),
        })
    }
}

/// The fallbacks of a trace by some keys.
#[derive(Debug, Clone)]
pub struct Fallbacks {
    /// what was grouped by
    pub by: Vec<By>,
    /// one per combination of values, most frequent first
    pub groups: Vec<FallbackGroup>,
}

/// One combination of values.
#[derive(Debug, Clone)]
pub struct FallbackGroup {
    /// per key: the number and what it means
    pub values: Vec<(i64, String)>,
    /// what was counted
    pub counts: FallbackCounts,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FallbackCounts {
    /// fallbacks
    pub count: u64,
    /// pages that were asked for
    pub pages: u64,
    /// pages of the blocks that were taken from
    pub block_pages: u64,
    /// fallbacks after which the whole pageblock had the type that was asked for
    pub changed: u64,
}

impl Fallbacks {
    /// The table.
    pub fn table(&self) -> Table {
        let mut table =
            Table::new(format!("Fallbacks by {}", self.by.iter().map(|by| by.name()).collect::<Vec<_>>().join(" × ")));
        for by in &self.by {
            table.column(by.name(), by.title(), by.unit());
        }
        table.column("count", "Fallbacks", Unit::Count).column("pages", "Pages asked for", Unit::Count);
        table.column("block_pages", "Pages of the blocks", Unit::Count).column(
            "changed",
            "Pageblock changed type",
            Unit::Fraction,
        );
        for FallbackGroup { values, counts } in &self.groups {
            let keys = self.by.iter().zip(values).map(|(by, (value, name))| {
                if by.unit() != Unit::Text && *value != UNKNOWN {
                    Cell::Integer(*value)
                } else {
                    Cell::Text(name.clone())
                }
            });
            let count = |count: u64| Cell::Integer(count.cast_signed());
            let cells = [
                count(counts.count),
                count(counts.pages),
                count(counts.block_pages),
                Cell::Real(counts.changed as f64 / counts.count as f64),
            ];
            table.row(keys.chain(cells).collect());
        }
        table.note("severe: unmovable or reclaimable pages in a movable pageblock; moderate: types mixed in another way; harmless: whole pageblocks changed type");
        if self.by.iter().any(|by| by.is_call_site()) {
            table.note("a call site is known where the next allocation on that CPU took the first page that the fallback's refill had brought, and has a stack");
        }
        table
    }
}

/// Gathers them, in one pass over the events in time order.
pub(super) struct Gathering<'a> {
    names: &'a Names<'a>,
    tasks: Recent<'a>,
    by: &'a [By],
    groups: HashMap<Vec<i64>, FallbackCounts>,
    refills: NumberMap<u16, Refill>,
}

/// What one CPU has taken out of `free_area` since its last allocation. All of it is for the next one, which takes the
/// first page: the kernel refills a pcp list only when it is empty, appends, and takes from the front. If somebody else
/// came first (an interrupt, a bulk allocation, which has no event) then the next allocation has another page.
struct Refill {
    /// number of the task
    task: u32,
    order: u8,
    migratetype: u8,
    /// the first page; none once it was freed again
    first: Option<u64>,
    fallbacks: Vec<Fallback>,
}

/// One event.
struct Fallback {
    time: u64,
    kind: u8,
    cpu: u16,
    pfn: u64,
    severity: Severity,
    from: u8,
    /// of the block
    order: u8,
    changed: bool,
    /// who asked, and for what
    profile: Profile,
}

impl Fallback {
    /// As a row, which is what keys are about: an event whose memory nobody has yet.
    fn row(&self) -> Row<'_> {
        Row {
            time: self.time,
            kind: self.kind,
            class: Class::Unmatched,
            bytes: 0,
            requested: 0,
            delta: 0,
            age: 0,
            on: self.cpu,
            allocated_on: self.cpu,
            address: self.pfn,
            actor: Actor::NOBODY,
            number: 0,
            profile: &self.profile,
        }
    }
}

impl<'a> Gathering<'a> {
    pub fn new(names: &'a Names<'a>, by: &'a [By]) -> Self {
        Self { names, tasks: names.tasks.recent(), by, groups: HashMap::new(), refills: NumberMap::default() }
    }

    /// An event of the family `frag`.
    pub fn moved(&mut self, moved: Moved, event: &FragEvent) {
        let FragEvent { time, pid, cpu, order, pfn, migratetype, .. } = *event;
        if moved == Moved::Back {
            return;
        }
        let task = self.tasks.at(pid, time);
        let refill = self.refills.get(&cpu);
        if refill.is_none_or(|refill| {
            (refill.task, refill.order, refill.migratetype) != (task, order, migratetype)
                || refill.fallbacks.len() == WAITING
        }) {
            let next = Refill { task, order, migratetype, first: Some(pfn), fallbacks: Vec::new() };
            if let Some(before) = self.refills.insert(cpu, next) {
                self.add(before.fallbacks, UNKNOWN);
            }
        }
        if moved == Moved::Fallback {
            let fallback = self.fallback(event);
            self.refills.entry(cpu).and_modify(|refill| refill.fallbacks.push(fallback));
        }
    }

    /// A page event.
    pub fn page(&mut self, row: &Row) {
        if self.refills.is_empty() {
            return;
        }
        match row.class {
            Class::Allocated | Class::Failed | Class::Refused => {
                let Some(refill) = self.refills.remove(&row.on) else { return };
                let asked = (refill.task, i64::from(refill.order), i64::from(refill.migratetype), refill.first);
                let is_for = asked == (row.actor.task, row.order, row.migratetype, Some(row.address))
                    && row.class == Class::Allocated;
                self.add(refill.fallbacks, if is_for { row.callsite } else { UNKNOWN });
            }
            // A pcp list gives out first what was freed last: this page may be next for another reason.
            Class::Freed | Class::Unmatched => {
                let waiting = self.refills.values_mut().filter(|refill| refill.first == Some(row.address));
                waiting.for_each(|refill| refill.first = None);
            }
            Class::Implied | Class::Null => {}
        }
    }

    /// The result, once all events were shown.
    pub fn finish(mut self) -> Fallbacks {
        for (_, refill) in std::mem::take(&mut self.refills) {
            self.add(refill.fallbacks, UNKNOWN);
        }
        let decode = |values: Vec<i64>| {
            self.by.iter().zip(values).map(|(by, value)| (value, by.decode(value, self.names))).collect()
        };
        let mut groups: Vec<_> =
            self.groups.into_iter().map(|(values, counts)| FallbackGroup { values: decode(values), counts }).collect();
        groups.sort_by(|a, b| b.counts.count.cmp(&a.counts.count).then_with(|| a.values.cmp(&b.values)));
        Fallbacks { by: self.by.to_vec(), groups }
    }

    fn fallback(&mut self, event: &FragEvent) -> Fallback {
        let asker = Asker { pid: event.pid, task: self.tasks.at(event.pid, event.time), cpu: event.cpu };
        let profile = Profile {
            order: i64::from(event.order),
            migratetype: i64::from(event.migratetype),
            zone: i64::from(event.zone),
            ..of_asker(asker, self.names)
        };
        Fallback {
            time: event.time,
            kind: event.kind,
            cpu: event.cpu,
            pfn: event.pfn,
            severity: Severity::of(self.names.header, event),
            from: event.fallback_migratetype,
            order: event.fallback_order,
            changed: event.change_ownership != 0,
            profile,
        }
    }

    fn add(&mut self, fallbacks: Vec<Fallback>, callsite: i64) {
        for mut fallback in fallbacks {
            fallback.profile.callsite = callsite;
            let values = self.by.iter().map(|by| by.of(&fallback, self.names)).collect();
            let counts = self.groups.entry(values).or_default();
            counts.count += 1;
            counts.pages += 1 << (fallback.profile.order & 31);
            counts.block_pages += 1 << (fallback.order & 31);
            counts.changed += u64::from(fallback.changed);
        }
    }
}
