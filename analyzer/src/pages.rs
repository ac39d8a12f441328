//! The page events, frees matched with allocations.

use polars::prelude::DataFrame;
use trace::{NO_PFN, PageEvent, Problem, Row as _, Trace};

use crate::{
    Error,
    columns::{u8s, u16s, u32s, u32s_if_there, u64s},
    frames::{self, Progress},
    live::{Allocation, LiveFrames, Taken},
    matched::{Actor, Class, Row, UNKNOWN},
    names::Names,
    observer::Observer,
    tasks::{self, Named, Recent},
};

/// Reads all page events once, in time order, and shows them to every observer, frees matched with their allocations.
///
/// # Errors
/// If the columns are not what the format says.
pub(crate) fn observe(names: &Names<'_>, trace: &Trace, progress: Progress<'_>, observers: &mut [&mut dyn Observer]) -> Result<Vec<Problem>, Error> {
    let mut matcher = Matcher::new(names);
    let problems = frames::for_each(trace, PageEvent::TABLE, None, progress, |frame| matcher.frame(&frame, observers))?;
    for taken in matcher.live.still_live() {
        let row = matcher.row(trace.header.clock.end_ns, 0, Class::Allocated, &taken);
        for observer in observers.iter_mut() {
            observer.still_live(&row);
        }
    }
    Ok(problems)
}

struct Matcher<'a> {
    names: &'a Names<'a>,
    tasks: Recent<'a>,
    page_alloc: u8,
    live: LiveFrames,
}

impl<'a> Matcher<'a> {
    fn new(names: &'a Names<'a>) -> Self {
        // A header without the kind has no such events either.
        let page_alloc = names.header.kinds.get(trace::Kind::PageAlloc.name()).copied().unwrap_or(0);
        Self { names, tasks: names.tasks.recent(), page_alloc, live: LiveFrames::default() }
    }

    fn frame(&mut self, frame: &DataFrame, observers: &mut [&mut dyn Observer]) -> Result<(), Error> {
        let (time, pid, cpu, kind) = (u64s(frame, "time")?, u32s(frame, "pid")?, u16s(frame, "cpu")?, u8s(frame, "kind")?);
        let (order, pfn, gfp) = (u8s(frame, "order")?, u64s(frame, "pfn")?, u32s(frame, "gfp")?);
        let (migratetype, zone) = (u8s(frame, "migratetype")?, u8s(frame, "zone")?);
        let stack = u32s_if_there(frame, "stack")?;
        let mut show = |row: &Row| observers.iter_mut().for_each(|observer| observer.row(row));
        let mut taken = Vec::new();
        for i in 0..frame.height() {
            let task = self.tasks.at(pid[i], time[i]);
            let frames = stack.map_or(0, |stack| stack[i]);
            let actor = Actor { task, callsite: if frames == 0 { UNKNOWN } else { self.names.caller(frames).cast_signed() } };
            if kind[i] == self.page_alloc {
                let allocation = Allocation {
                    time: time[i],
                    gfp: gfp[i],
                    stack: frames,
                    pid: pid[i],
                    task,
                    cpu: cpu[i],
                    order: order[i],
                    migratetype: migratetype[i],
                    zone: zone[i],
                };
                let whole = Taken { from: allocation, frames: 1 << order[i].min(31) };
                if pfn[i] == NO_PFN {
                    show(&Row { delta: 0, ..self.row(time[i], kind[i], Class::Failed, &whole) });
                    continue;
                }
                self.live.allocate(pfn[i], order[i], allocation, &mut taken);
                for lost in &taken {
                    show(&self.row(time[i], kind[i], Class::Implied, lost));
                }
                show(&Row { address: pfn[i], actor, ..self.row(time[i], kind[i], Class::Allocated, &whole) });
            } else {
                let bytes = self.names.header.page_size << order[i].min(31);
                self.live.free(pfn[i], order[i], &mut taken);
                let Some((first, others)) = taken.split_first() else {
                    let (order, node, zone) = (i64::from(order[i]), self.node(zone[i]), i64::from(zone[i]));
                    show(&Row { time: time[i], kind: kind[i], bytes, order, zone, node, address: pfn[i], actor, ..Row::UNMATCHED });
                    continue;
                };
                show(&Row { bytes, address: pfn[i], actor, ..self.row(time[i], kind[i], Class::Freed, first) });
                for other in others {
                    show(&self.row(time[i], kind[i], Class::Implied, other));
                }
            }
        }
        Ok(())
    }

    /// A row about frames of an allocation.
    fn row(&self, time: u64, kind: u8, class: Class, taken: &Taken) -> Row {
        let Allocation { time: since, gfp, stack, pid, task, cpu, order, migratetype, zone } = taken.from;
        let Named { process, comm, cgroup } = self.names.tasks.named(task);
        let bytes = taken.frames.saturating_mul(self.names.header.page_size);
        Row {
            time,
            kind,
            class,
            bytes,
            requested: bytes,
            delta: if class == Class::Allocated { bytes.cast_signed() } else { -bytes.cast_signed() },
            age: time.saturating_sub(since),
            order: i64::from(order),
            migratetype: i64::from(migratetype),
            zone: i64::from(zone),
            gfp: i64::from(gfp),
            cpu: i64::from(cpu),
            pid: i64::from(pid),
            process: number(process),
            comm: number(comm),
            node: self.node(zone),
            cgroup: if cgroup == 0 { UNKNOWN } else { cgroup.cast_signed() },
            callsite: if stack == 0 { UNKNOWN } else { self.names.caller(stack).cast_signed() },
            stack,
            cache: UNKNOWN,
            freed_on: 0,
            address: 0,
            actor: Actor::NOBODY,
        }
    }

    fn node(&self, zone: u8) -> i64 {
        self.names.header.zones.get(usize::from(zone)).map_or(UNKNOWN, |zone| i64::from(zone.node))
    }
}

/// A number of [`Tasks`](tasks::Tasks) as a cell.
pub(crate) fn number(number: u32) -> i64 {
    if number == tasks::UNKNOWN { UNKNOWN } else { i64::from(number) }
}
