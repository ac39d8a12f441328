//! The slab events, frees matched with allocations: the kernel reports no size with a free, so only its allocation tells.

use polars::prelude::DataFrame;
use trace::{Kind, Problem, Row as _, SlabEvent, Trace};

use crate::{
    Error,
    columns::{i16s, u8s, u16s, u32s, u64s},
    fast_hash::NumberMap,
    frames::{self, Progress},
    matched::{Actor, Class, Row, UNKNOWN},
    names::Names,
    observer::Observer,
    pages::number,
    tasks::{Named, Recent},
};

/// Reads all slab events once, in time order, and shows them to every observer, frees matched with their allocations.
///
/// # Errors
/// If the columns are not what the format says.
pub(crate) fn observe(names: &Names<'_>, trace: &Trace, progress: Progress<'_>, observers: &mut [&mut dyn Observer]) -> Result<Vec<Problem>, Error> {
    let mut matcher = Matcher::new(names);
    let problems = frames::for_each(trace, SlabEvent::TABLE, None, progress, |frame| matcher.frame(&frame, observers))?;
    let end = trace.header.clock.end_ns;
    for object in matcher.live.values() {
        let row = Row { age: end.saturating_sub(object.time), ..*object };
        for observer in observers.iter_mut() {
            observer.still_live(&row);
        }
    }
    Ok(problems)
}

struct Matcher<'a> {
    names: &'a Names<'a>,
    tasks: Recent<'a>,
    /// the kinds that allocate
    allocating: [Option<u8>; 2],
    /// live objects by address: the row of their allocation
    live: NumberMap<u64, Row>,
}

impl<'a> Matcher<'a> {
    fn new(names: &'a Names<'a>) -> Self {
        let allocating = [Kind::Kmalloc, Kind::CacheAlloc].map(|kind| names.header.kinds.get(kind.name()).copied());
        Self { names, tasks: names.tasks.recent(), allocating, live: NumberMap::default() }
    }

    fn frame(&mut self, frame: &DataFrame, observers: &mut [&mut dyn Observer]) -> Result<(), Error> {
        let (time, pid, cpu, kind) = (u64s(frame, "time")?, u32s(frame, "pid")?, u16s(frame, "cpu")?, u8s(frame, "kind")?);
        let (object, call_site) = (u64s(frame, "object")?, u64s(frame, "call_site")?);
        let (bytes_req, bytes_alloc, gfp) = (u32s(frame, "bytes_req")?, u32s(frame, "bytes_alloc")?, u32s(frame, "gfp")?);
        let (node, cache) = (i16s(frame, "node")?, u16s(frame, "cache")?);
        let mut show = |row: &Row| observers.iter_mut().for_each(|observer| observer.row(row));
        for i in 0..frame.height() {
            let actor = Actor { task: self.tasks.at(pid[i], time[i]), callsite: call_site[i].cast_signed() };
            let nothing = Row { time: time[i], kind: kind[i], freed_on: cpu[i], address: object[i], actor, ..Row::UNMATCHED };
            if self.allocating.contains(&Some(kind[i])) {
                let Named { process, comm, cgroup } = self.names.tasks.named(actor.task);
                let allocated = Row {
                    class: Class::Allocated,
                    bytes: u64::from(bytes_alloc[i]),
                    requested: u64::from(bytes_req[i]),
                    delta: i64::from(bytes_alloc[i]),
                    gfp: i64::from(gfp[i]),
                    cpu: i64::from(cpu[i]),
                    pid: i64::from(pid[i]),
                    process: number(process),
                    comm: number(comm),
                    cgroup: if cgroup == 0 { UNKNOWN } else { cgroup.cast_signed() },
                    // The bits count, not the number: with raw addresses the upper half of 2^64 is used.
                    callsite: call_site[i].cast_signed(),
                    cache: i64::from(cache[i]),
                    node: i64::from(node[i]),
                    ..nothing
                };
                if object[i] == 0 {
                    show(&Row { class: Class::Failed, delta: 0, ..allocated });
                    continue;
                }
                if let Some(lost) = self.live.insert(object[i], allocated) {
                    show(&freed(&lost, &nothing, Class::Implied));
                }
                show(&allocated);
            } else if object[i] == 0 {
                show(&Row { class: Class::Null, ..nothing });
            } else if let Some(object) = self.live.remove(&object[i]) {
                show(&freed(&object, &nothing, Class::Freed));
            } else {
                show(&nothing);
            }
        }
        Ok(())
    }
}

fn freed(object: &Row, event: &Row, class: Class) -> Row {
    Row {
        time: event.time,
        kind: event.kind,
        class,
        delta: -object.delta,
        age: event.time.saturating_sub(object.time),
        freed_on: event.freed_on,
        actor: event.actor,
        ..*object
    }
}
