//! This module matches the frees of pages with their allocations.

use std::mem;

use polars::prelude::DataFrame;
use trace::{Header, Kind, NO_PFN, PageEvent, Problem, Row as _, Trace};

use super::{
    attributes::{Asker, Attributes, DistinctAttributes},
    event::{Actor, Class, MatchedEvent},
    live_frames::{Allocation, LiveFrames, Taken},
};
use crate::{
    Error, Key,
    decode::{key::UNKNOWN, names::Names, tasks::Recent},
    read::{
        batches::{self, Progress},
        columns::{u8s, u16s, u32s, u32s_if_there, u64s},
    },
};

/// The matcher of page events, which remembers the live page frames, each with the allocation that it came from.
pub(crate) struct PageMatcher<'a> {
    names: &'a Names<'a>,
    tasks: Recent<'a>,
    page_alloc: u8,
    attributes: DistinctAttributes<'a>,
    live: LiveFrames,
    /// The GFP bit of pages that are charged to a memory cgroup (`__GFP_ACCOUNT`); 0 where the kernel has none.
    account: u32,
    /// By CPU: the last event, kept from batch to batch.
    last: Vec<Last>,
}

/// The facts about the last event of a CPU that tell a refusal from a failure.
#[derive(Debug, Clone, Copy, Default)]
struct Last {
    pid: u32,
    order: u8,
    /// Whether the event was a free whose allocation was not seen.
    freed_unseen: bool,
}

impl<'a> PageMatcher<'a> {
    /// Creates a matcher without live frames. `told_apart` are the keys of [`Key::WHO`] that some accumulator needs.
    pub fn new(names: &'a Names<'a>, told_apart: &[Key]) -> Self {
        // A trace whose header lacks the kind has no such events either.
        let page_alloc = names.header.kinds.get(Kind::PageAlloc.name()).copied().unwrap_or(0);
        Self {
            names,
            tasks: names.tasks.recent(),
            page_alloc,
            attributes: DistinctAttributes::new(names, told_apart),
            live: LiveFrames::default(),
            account: names.header.gfp.mask("__GFP_ACCOUNT").unwrap_or(0),
            last: Vec::new(),
        }
    }

    /// Reads all page events once, in time order, and calls `each` with every matched event. Returns the problems met.
    ///
    /// # Errors
    /// Returns an error if the columns are not those of the format.
    pub fn read(
        &mut self,
        trace: &Trace,
        progress: Progress<'_>,
        mut each: impl FnMut(&MatchedEvent<'_>),
    ) -> Result<Vec<Problem>, Error> {
        batches::for_each(trace, PageEvent::TABLE, None, progress, |batch| self.batch(&batch, &mut each))
    }

    /// Calls `each` with one event for every allocation that is live at the end of the trace, with the bytes that are
    /// left of it. The event's age is the allocation's age at `end`, in ns.
    pub fn still_live(&self, end: u64, mut each: impl FnMut(&MatchedEvent<'_>)) {
        for taken in self.live.still_live() {
            each(&self.matched(end, 0, Class::Allocated, &taken));
        }
    }

    fn batch(&mut self, batch: &DataFrame, each: &mut impl FnMut(&MatchedEvent<'_>)) -> Result<(), Error> {
        let (times, pid, cpu, kind) =
            (u64s(batch, "time")?, u32s(batch, "pid")?, u16s(batch, "cpu")?, u8s(batch, "kind")?);
        let (orders, pfn, gfp) = (u8s(batch, "order")?, u64s(batch, "pfn")?, u32s(batch, "gfp")?);
        let (migratetype, zone) = (u8s(batch, "migratetype")?, u8s(batch, "zone")?);
        let stack = u32s_if_there(batch, "stack")?;
        let (names, header) = (self.names, self.names.header);
        let mut taken = Vec::new();
        for i in 0..batch.height() {
            let (time, kind, on, pfn, order, zone) = (times[i], kind[i], cpu[i], pfn[i], orders[i], zone[i]);
            let task = self.tasks.at(pid[i], time);
            let stack = stack.map_or(0, |stack| stack[i]);
            let callsite = if stack == 0 { UNKNOWN } else { names.caller(stack).cast_signed() };
            let actor = Actor { task, callsite };
            let before = self.last_on(on, Last { pid: pid[i], order, freed_unseen: false });
            let of_frames = |asker| Attributes {
                order: i64::from(order),
                zone: i64::from(zone),
                node: node(header, zone),
                ..asker
            };
            if kind == self.page_alloc {
                let (gfp, migratetype) = (gfp[i], migratetype[i]);
                let of_request = |asker| Attributes {
                    migratetype: i64::from(migratetype),
                    gfp: i64::from(gfp),
                    callsite,
                    stack,
                    ..of_frames(asker)
                };
                let rest = [
                    u64::from(gfp) << 32 | u64::from(stack),
                    u64::from(order) << 16 | u64::from(migratetype) << 8 | u64::from(zone),
                ];
                let asker = Asker { pid: pid[i], task, cpu: on };
                let attributes = self.attributes.number(Some(asker), rest, of_request);
                let allocation = Allocation { time, attributes };
                let whole = Taken { from: allocation, frames: 1 << order.min(31) };
                if pfn == NO_PFN {
                    // `__alloc_pages` takes the pages and charges them. If the charge fails, it frees the pages and
                    // reports that it has none.
                    let given_back =
                        gfp & self.account != 0 && before.freed_unseen && (before.pid, before.order) == (pid[i], order);
                    let class = if given_back { Class::Refused } else { Class::Failed };
                    each(&MatchedEvent { delta: 0, on, actor, ..self.matched(time, kind, class, &whole) });
                    continue;
                }
                self.live.allocate(pfn, order, allocation, &mut taken);
                for lost in &taken {
                    each(&self.matched(time, kind, Class::Implied, lost));
                }
                each(&MatchedEvent { on, address: pfn, actor, ..self.matched(time, kind, Class::Allocated, &whole) });
            } else {
                let bytes = header.page_size << order.min(31);
                self.live.free(pfn, order, &mut taken);
                let Some((first, others)) = taken.split_first() else {
                    self.last[usize::from(on)].freed_unseen = true;
                    let rest = [0, u64::from(order) << 16 | u64::from(zone)];
                    let attributes = self.attributes.number(None, rest, of_frames);
                    let nothing = Taken { from: Allocation { time, attributes }, frames: 0 };
                    let event = self.matched(time, kind, Class::Unmatched, &nothing);
                    each(&MatchedEvent { bytes, requested: 0, on, address: pfn, actor, ..event });
                    continue;
                };
                each(&MatchedEvent { bytes, on, address: pfn, actor, ..self.matched(time, kind, Class::Freed, first) });
                for other in others {
                    each(&self.matched(time, kind, Class::Implied, other));
                }
            }
        }
        Ok(())
    }

    /// Remembers an event as the last one of a CPU, and returns the one before.
    fn last_on(&mut self, cpu: u16, event: Last) -> Last {
        let cpu = usize::from(cpu);
        if cpu >= self.last.len() {
            self.last.resize(cpu + 1, Last::default());
        }
        mem::replace(&mut self.last[cpu], event)
    }

    /// Returns the matched event of a class for the frames of one allocation.
    fn matched(&self, time: u64, kind: u8, class: Class, taken: &Taken) -> MatchedEvent<'_> {
        let Allocation { time: since, attributes: number } = taken.from;
        let bytes = taken.frames.saturating_mul(self.names.header.page_size);
        MatchedEvent {
            time,
            kind,
            class,
            bytes,
            requested: bytes,
            delta: if class == Class::Allocated { bytes.cast_signed() } else { -bytes.cast_signed() },
            age: time.saturating_sub(since),
            on: 0,
            allocated_on: 0,
            address: 0,
            actor: Actor::NOBODY,
            number,
            attributes: self.attributes.get(number),
        }
    }
}

fn node(header: &Header, zone: u8) -> i64 {
    header.zones.get(usize::from(zone)).map_or(UNKNOWN, |zone| i64::from(zone.node))
}
