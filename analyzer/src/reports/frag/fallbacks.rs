//! The fallbacks of a trace, by some keys.

use std::collections::HashMap;

use trace::FragEvent;

use super::{
    by::By,
    events::Moved,
    fallback::{Fallback, Severity},
};
use crate::{
    Names,
    decode::{key::UNKNOWN, tasks::Recent},
    fast_hash::NumberMap,
    matching::{
        attributes::{Asker, Attributes, of_asker},
        event::{Class, MatchedEvent},
    },
    present::table::{Cell, Table, Unit},
};

/// How many fallbacks of one CPU may wait for the allocation that they were for; a pcp list is refilled with fewer.
const WAITING: usize = 1 << 12;

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

/// What is counted of fallbacks.
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
    /// Returns the groups as a table.
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

/// Counts the fallbacks, in one pass over the events in time order.
pub(super) struct FallbackTracker<'a> {
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

impl<'a> FallbackTracker<'a> {
    /// Starts without any.
    pub fn new(names: &'a Names<'a>, by: &'a [By]) -> Self {
        Self { names, tasks: names.tasks.recent(), by, groups: HashMap::new(), refills: NumberMap::default() }
    }

    /// Takes in an event of the family `frag`.
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

    /// Takes in a page event.
    pub fn page(&mut self, event: &MatchedEvent<'_>) {
        if self.refills.is_empty() {
            return;
        }
        match event.class {
            Class::Allocated | Class::Failed | Class::Refused => {
                let Some(refill) = self.refills.remove(&event.on) else { return };
                let asked = (refill.task, i64::from(refill.order), i64::from(refill.migratetype), refill.first);
                let is_for = asked == (event.actor.task, event.order, event.migratetype, Some(event.address))
                    && event.class == Class::Allocated;
                self.add(refill.fallbacks, if is_for { event.callsite } else { UNKNOWN });
            }
            // A pcp list gives out first what was freed last: this page may be next for another reason.
            Class::Freed | Class::Unmatched => {
                let waiting = self.refills.values_mut().filter(|refill| refill.first == Some(event.address));
                waiting.for_each(|refill| refill.first = None);
            }
            Class::Implied | Class::Null => {}
        }
    }

    /// Returns the result, once all events were taken in.
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

    /// Returns the fallback that an event tells of.
    fn fallback(&mut self, event: &FragEvent) -> Fallback {
        let asker = Asker { pid: event.pid, task: self.tasks.at(event.pid, event.time), cpu: event.cpu };
        let attributes = Attributes {
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
            attributes,
        }
    }

    /// Counts fallbacks of which the call site is known by now.
    fn add(&mut self, fallbacks: Vec<Fallback>, callsite: i64) {
        for mut fallback in fallbacks {
            fallback.attributes.callsite = callsite;
            let values = self.by.iter().map(|by| by.of(&fallback, self.names)).collect();
            let counts = self.groups.entry(values).or_default();
            counts.count += 1;
            counts.pages += 1 << (fallback.attributes.order & 31);
            counts.block_pages += 1 << (fallback.order & 31);
            counts.changed += u64::from(fallback.changed);
        }
    }
}
