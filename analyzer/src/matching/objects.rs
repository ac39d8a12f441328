//! This module matches the frees of kernel objects with their allocations. The kernel reports no size with a free, so
//! only the allocation tells how large the object was.

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

/// The matcher of slab events, which remembers one [`Object`] for each live address.
pub(crate) struct ObjectMatcher<'a> {
    tasks: Recent<'a>,
    /// The numbers of the kinds of events that allocate.
    allocating: [Option<u8>; 2],
    attributes: DistinctAttributes<'a>,
    /// The number of the attributes of an allocation that is not in the trace.
    unknown: u32,
    live: NumberMap<u64, Object>,
}

/// The columns of an event that do not depend on its class.
struct Event {
    time: u64,
    kind: u8,
    cpu: u16,
    address: u64,
    actor: Actor,
}

/// The facts about a live object that its free needs.
#[derive(Clone, Copy)]
struct Object {
    time: u64,
    cpu: u16,
    /// The number of the allocation's attributes.
    attributes: u32,
    bytes: u32,
    requested: u32,
}

impl<'a> ObjectMatcher<'a> {
    /// Creates a matcher without live objects. `told_apart` are the keys of [`Key::WHO`] that some accumulator needs.
    pub fn new(names: &'a Names<'a>, told_apart: &[Key]) -> Self {
        let allocating = [Kind::Kmalloc, Kind::CacheAlloc].map(|kind| names.header.kinds.get(kind.name()).copied());
        let mut attributes = DistinctAttributes::new(names, told_apart);
        let unknown = attributes.number(None, [0; 2], |unknown| unknown);
        Self { tasks: names.tasks.recent(), allocating, attributes, unknown, live: NumberMap::default() }
    }

    /// Reads all slab events once, in time order, and calls `each` with every matched event. Returns the problems met.
    ///
    /// # Errors
    /// Returns an error if the columns are not those of the format.
    pub fn read(
        &mut self,
        trace: &Trace,
        progress: Progress<'_>,
        mut each: impl FnMut(&MatchedEvent<'_>),
    ) -> Result<Vec<Problem>, Error> {
        batches::for_each(trace, SlabEvent::TABLE, None, progress, |batch| self.batch(&batch, &mut each))
    }

    /// Calls `each` with one event for every object that is live at the end of the trace. The event's age is the
    /// object's age at `end`, in ns.
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
            // The cast keeps the bits: raw kernel addresses are above 2^63.
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

    /// Returns the matched event of a class for an event and its object.
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
