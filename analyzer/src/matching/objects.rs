//! Slab events: each free with the allocation that it ends. The kernel reports no size with a free, so only its
//! allocation tells how large the object was.

use polars::prelude::DataFrame;
use trace::{Kind, Problem, Row as _, SlabEvent, Trace};

use super::{
    attributes::{Asker, Attributes, DistinctAttributes},
    event::{Actor, Class, MatchedEvent},
};
use crate::{
    Error, Key,
    decode::{names::Names, tasks::Recent},
    fast_hash::NumberMap,
    read::{
        batches::{self, Progress},
        columns::{i16s, u8s, u16s, u32s, u64s},
    },
};

/// Remembers the live objects by address. Memory: one [`Object`] for each.
pub(crate) struct ObjectMatcher<'a> {
    tasks: Recent<'a>,
    /// the kinds of events that allocate
    allocating: [Option<u8>; 2],
    attributes: DistinctAttributes<'a>,
    /// the number of the attributes of what was allocated when nobody looked
    unknown: u32,
    live: NumberMap<u64, Object>,
}

/// What happened to an object, and by whom.
struct Event {
    time: u64,
    kind: u8,
    cpu: u16,
    address: u64,
    actor: Actor,
}

/// What is remembered of a live object, for its free.
#[derive(Clone, Copy)]
struct Object {
    time: u64,
    cpu: u16,
    /// number of its attributes
    attributes: u32,
    bytes: u32,
    requested: u32,
}

impl<'a> ObjectMatcher<'a> {
    /// Starts with nothing live. `told_apart` are the keys of who asked that somebody wants to know.
    pub fn new(names: &'a Names<'a>, told_apart: &[Key]) -> Self {
        let allocating = [Kind::Kmalloc, Kind::CacheAlloc].map(|kind| names.header.kinds.get(kind.name()).copied());
        let mut attributes = DistinctAttributes::new(names, told_apart);
        let unknown = attributes.number(None, [0; 2], |unknown| unknown);
        Self { tasks: names.tasks.recent(), allocating, attributes, unknown, live: NumberMap::default() }
    }

    /// Reads all slab events once, in time order, and gives each to `each`, matched.
    ///
    /// # Errors
    /// If the columns are not what the format says.
    pub fn read(
        &mut self,
        trace: &Trace,
        progress: Progress<'_>,
        mut each: impl FnMut(&MatchedEvent<'_>),
    ) -> Result<Vec<Problem>, Error> {
        batches::for_each(trace, SlabEvent::TABLE, None, progress, |batch| self.batch(&batch, &mut each))
    }

    /// Gives `each` what was live when the trace ended at `end`: one event for each object, whose age is that at the
    /// end.
    pub fn still_live(&self, end: u64, mut each: impl FnMut(&MatchedEvent<'_>)) {
        for (address, object) in &self.live {
            let event = Event { time: object.time, kind: 0, cpu: object.cpu, address: *address, actor: Actor::NOBODY };
            let age = end.saturating_sub(object.time);
            each(&MatchedEvent { age, ..self.matched(&event, Class::Allocated, object) });
        }
    }

    fn batch(&mut self, batch: &DataFrame, each: &mut impl FnMut(&MatchedEvent<'_>)) -> Result<(), Error> {
        let (time, pid, cpu, kind) =
            (u64s(batch, "time")?, u32s(batch, "pid")?, u16s(batch, "cpu")?, u8s(batch, "kind")?);
        let (object, caller) = (u64s(batch, "object")?, u64s(batch, "call_site")?);
        let (bytes_req, bytes_alloc, gfp) =
            (u32s(batch, "bytes_req")?, u32s(batch, "bytes_alloc")?, u32s(batch, "gfp")?);
        let (node, cache) = (i16s(batch, "node")?, u16s(batch, "cache")?);
        for i in 0..batch.height() {
            let task = self.tasks.at(pid[i], time[i]);
            // The bits count, not the number: with raw addresses the upper half of 2^64 is used.
            let callsite = caller[i].cast_signed();
            let event = Event {
                time: time[i],
                kind: kind[i],
                cpu: cpu[i],
                address: object[i],
                actor: Actor { task, callsite },
            };
            let nothing = Object { time: time[i], cpu: cpu[i], attributes: self.unknown, bytes: 0, requested: 0 };
            if self.allocating.contains(&Some(kind[i])) {
                let (gfp, node, cache) = (gfp[i], node[i], cache[i]);
                let of_request = |asker| Attributes {
                    gfp: i64::from(gfp),
                    node: i64::from(node),
                    cache: i64::from(cache),
                    callsite,
                    ..asker
                };
                let rest = [caller[i], u64::from(gfp) << 32 | u64::from(node.cast_unsigned()) << 16 | u64::from(cache)];
                let asker = Asker { pid: pid[i], task, cpu: cpu[i] };
                let attributes = self.attributes.number(Some(asker), rest, of_request);
                let new =
                    Object { time: time[i], cpu: cpu[i], attributes, bytes: bytes_alloc[i], requested: bytes_req[i] };
                if object[i] == 0 {
                    each(&self.matched(&event, Class::Failed, &new));
                    continue;
                }
                if let Some(lost) = self.live.insert(object[i], new) {
                    each(&self.matched(&event, Class::Implied, &lost));
                }
                each(&self.matched(&event, Class::Allocated, &new));
            } else if object[i] == 0 {
                each(&self.matched(&event, Class::Null, &nothing));
            } else if let Some(known) = self.live.remove(&object[i]) {
                each(&self.matched(&event, Class::Freed, &known));
            } else {
                each(&self.matched(&event, Class::Unmatched, &nothing));
            }
        }
        Ok(())
    }

    /// Returns what an event is about an object.
    fn matched(&self, event: &Event, class: Class, object: &Object) -> MatchedEvent<'_> {
        let bytes = i64::from(object.bytes);
        MatchedEvent {
            time: event.time,
            kind: event.kind,
            class,
            bytes: u64::from(object.bytes),
            requested: u64::from(object.requested),
            delta: match class {
                Class::Allocated => bytes,
                Class::Freed | Class::Implied => -bytes,
                Class::Failed | Class::Refused | Class::Unmatched | Class::Null => 0,
            },
            age: event.time.saturating_sub(object.time),
            on: event.cpu,
            allocated_on: object.cpu,
            address: event.address,
            actor: event.actor,
            number: object.attributes,
            attributes: self.attributes.get(object.attributes),
        }
    }
}
