//! The slab events, frees matched with allocations: the kernel reports no size with a free, so only its allocation
//! tells.

use polars::prelude::DataFrame;
use trace::{Kind, Problem, Row as _, SlabEvent, Trace};

use crate::{
    Error,
    columns::{i16s, u8s, u16s, u32s, u64s},
    fast_hash::NumberMap,
    frames::{self, Progress},
    matched::{Actor, Class, Row},
    names::Names,
    observer::Observer,
    profile::{Asker, Profile, Profiles},
    tasks::Recent,
};

/// Reads all slab events once, in time order, and shows them to every observer, frees matched with their allocations.
///
/// # Errors
/// If the columns are not what the format says.
pub(crate) fn observe(
    names: &Names<'_>,
    trace: &Trace,
    progress: Progress<'_>,
    observers: &mut [&mut dyn Observer],
) -> Result<Vec<Problem>, Error> {
    let mut matcher = Matcher::new(names, observers);
    let problems = frames::for_each(trace, SlabEvent::TABLE, None, progress, |frame| matcher.frame(&frame, observers))?;
    let end = trace.header.clock.end_ns;
    for (address, object) in &matcher.live {
        let event = Event { time: object.time, kind: 0, cpu: object.cpu, address: *address, actor: Actor::NOBODY };
        let row = Row { age: end.saturating_sub(object.time), ..matcher.row(&event, Class::Allocated, object) };
        for observer in observers.iter_mut() {
            observer.still_live(&row);
        }
    }
    Ok(problems)
}

struct Matcher<'a> {
    tasks: Recent<'a>,
    /// the kinds that allocate
    allocating: [Option<u8>; 2],
    profiles: Profiles<'a>,
    /// the number of the profile of what was allocated when nobody looked
    unknown: u32,
    /// live objects by address
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

/// What an object's free will be attributed to.
#[derive(Clone, Copy)]
struct Object {
    time: u64,
    cpu: u16,
    profile: u32,
    bytes: u32,
    requested: u32,
}

impl<'a> Matcher<'a> {
    fn new(names: &'a Names<'a>, observers: &[&mut dyn Observer]) -> Self {
        let allocating = [Kind::Kmalloc, Kind::CacheAlloc].map(|kind| names.header.kinds.get(kind.name()).copied());
        let mut profiles = Profiles::new(names, observers);
        let unknown = profiles.number(None, [0; 2], |unknown| unknown);
        Self { tasks: names.tasks.recent(), allocating, profiles, unknown, live: NumberMap::default() }
    }

    fn frame(&mut self, frame: &DataFrame, observers: &mut [&mut dyn Observer]) -> Result<(), Error> {
        let (time, pid, cpu, kind) =
            (u64s(frame, "time")?, u32s(frame, "pid")?, u16s(frame, "cpu")?, u8s(frame, "kind")?);
        let (object, caller) = (u64s(frame, "object")?, u64s(frame, "call_site")?);
        let (bytes_req, bytes_alloc, gfp) =
            (u32s(frame, "bytes_req")?, u32s(frame, "bytes_alloc")?, u32s(frame, "gfp")?);
        let (node, cache) = (i16s(frame, "node")?, u16s(frame, "cache")?);
        let mut show = |row: &Row<'_>| observers.iter_mut().for_each(|observer| observer.row(row));
        for i in 0..frame.height() {
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
            let nothing = Object { time: time[i], cpu: cpu[i], profile: self.unknown, bytes: 0, requested: 0 };
            if self.allocating.contains(&Some(kind[i])) {
                let (gfp, node, cache) = (gfp[i], node[i], cache[i]);
                let of_request = |asker| Profile {
                    gfp: i64::from(gfp),
                    node: i64::from(node),
                    cache: i64::from(cache),
                    callsite,
                    ..asker
                };
                let rest = [caller[i], u64::from(gfp) << 32 | u64::from(node.cast_unsigned()) << 16 | u64::from(cache)];
                let profile = self.profiles.number(Some(Asker { pid: pid[i], task, cpu: cpu[i] }), rest, of_request);
                let new =
                    Object { time: time[i], cpu: cpu[i], profile, bytes: bytes_alloc[i], requested: bytes_req[i] };
                if object[i] == 0 {
                    show(&self.row(&event, Class::Failed, &new));
                    continue;
                }
                if let Some(lost) = self.live.insert(object[i], new) {
                    show(&self.row(&event, Class::Implied, &lost));
                }
                show(&self.row(&event, Class::Allocated, &new));
            } else if object[i] == 0 {
                show(&self.row(&event, Class::Null, &nothing));
            } else if let Some(known) = self.live.remove(&object[i]) {
                show(&self.row(&event, Class::Freed, &known));
            } else {
                show(&self.row(&event, Class::Unmatched, &nothing));
            }
        }
        Ok(())
    }

    /// A row about an object because of an event.
    fn row(&self, event: &Event, class: Class, object: &Object) -> Row<'_> {
        let bytes = i64::from(object.bytes);
        Row {
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
            number: object.profile,
            profile: self.profiles.get(object.profile),
        }
    }
}
