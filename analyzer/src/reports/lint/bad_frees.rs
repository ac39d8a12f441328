//! The rules for frees: those that do not fit what was allocated are freed twice, in another size, or never allocated.

use std::collections::BTreeMap;

use super::finding::Finding;
use crate::{
    Key, Names,
    aggregate::accumulator::Accumulator,
    decode::key::UNKNOWN,
    fast_hash::NumberSet,
    matching::event::{Actor, Class, MatchedEvent},
    units,
};

/// What is wrong with a free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum BadFree {
    /// what was freed had been freed before, and nothing was allocated there since
    Twice,
    /// more pages were freed than were allocated at once
    Larger,
    /// fewer pages were freed than were allocated at once
    Smaller,
    /// nothing is known to have been allocated there: before the trace perhaps
    Unknown,
}

/// How often something happened, and an example.
#[derive(Debug, Clone, Copy)]
pub(super) struct Case {
    pub count: i64,
    /// the first frame or object
    pub address: u64,
    /// when, ns
    pub time: u64,
}

/// The accumulator of bad frees, by who freed, and by the order of a page.
pub(super) struct BadFrees {
    page_size: u64,
    /// the frames or objects that were freed, and at which nothing was allocated since
    freed: NumberSet<u64>,
    pub cases: BTreeMap<(BadFree, Actor, i64), Case>,
}

impl BadFrees {
    /// Starts without any. `page_size` is 0 for objects, which have no order.
    pub fn new(page_size: u64) -> Self {
        Self { page_size, freed: NumberSet::default(), cases: BTreeMap::new() }
    }

    fn found(&mut self, bad_free: BadFree, event: &MatchedEvent<'_>) {
        let new = Case { count: 0, address: event.address, time: event.time };
        self.cases.entry((bad_free, event.actor, event.order)).or_insert(new).count += 1;
    }
}

impl Accumulator for BadFrees {
    fn event(&mut self, event: &MatchedEvent<'_>) {
        match event.class {
            Class::Allocated => {
                self.freed.remove(&event.address);
            }
            Class::Freed => {
                self.freed.insert(event.address);
                let allocated = self.page_size.checked_shl(event.order as u32).unwrap_or(0);
                if allocated > 0 && event.bytes > allocated {
                    self.found(BadFree::Larger, event);
                } else if allocated > 0 && event.bytes < allocated {
                    self.found(BadFree::Smaller, event);
                }
            }
            Class::Unmatched => {
                let bad_free = if self.freed.contains(&event.address) { BadFree::Twice } else { BadFree::Unknown };
                self.found(bad_free, event);
            }
            Class::Failed | Class::Refused | Class::Implied | Class::Null => {}
        }
    }

    fn tells_apart(&self) -> Vec<Key> {
        Vec::new()
    }
}

/// Returns what is said about a bad free: name of the rule, severity, advice.
pub(super) const fn about(bad_free: BadFree) -> (&'static str, &'static str, &'static str) {
    match bad_free {
        BadFree::Larger => (
            "free-larger",
            "error",
            "more pages were freed than had been allocated at once: the order of the free is wrong, or the block was never one",
        ),
        BadFree::Twice => (
            "double-free",
            "warning",
            "freed again, and no allocation in between was seen: a double free, unless it was allocated in bulk or taken over by migration, which the kernel does not trace",
        ),
        BadFree::Smaller => (
            "free-in-parts",
            "note",
            "fewer pages were freed than had been allocated at once: right after split_page or the split of a huge page only",
        ),
        BadFree::Unknown => (
            "free-without-alloc",
            "note",
            "no allocation was seen: right for what is older than the trace, and for bulk allocations, which the kernel does not trace",
        ),
    }
}

/// Returns the findings about frees; `what` was freed: "frame" or "object".
pub(super) fn findings(frees: &BadFrees, what: &str, names: &Names<'_>) -> Vec<Finding> {
    let finding = |((bad_free, actor, order), case): (&(BadFree, Actor, i64), &Case)| {
        let (rule, severity, advice) = about(*bad_free);
        let since = units::duration(case.time.saturating_sub(names.header.clock.start_ns) as f64);
        Finding {
            rule,
            severity,
            gfp: String::new(),
            order: (*order != UNKNOWN).then_some(*order),
            comm: names.comm(names.tasks.named(actor.task).comm),
            callsite: if [0, UNKNOWN].contains(&actor.callsite) {
                String::new()
            } else {
                names.callsite(actor.callsite.cast_unsigned())
            },
            count: case.count,
            example: format!("{what} {:#x} at {since}", case.address),
            advice,
        }
    };
    frees.cases.iter().map(finding).collect()
}
