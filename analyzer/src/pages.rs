//! The page events, frees matched with allocations.

use polars::prelude::DataFrame;
use trace::{NO_PFN, PageEvent, Problem, Row as _, Trace};

use crate::{
    Error,
    columns::{u8s, u16s, u32s, u64s},
    frames::{self, Progress},
    live::{Allocation, LiveFrames, Taken},
    matched::{Class, Row, Rows, UNKNOWN},
    names::Names,
    observer::Observer,
    tasks,
};

/// Reads all page events once, in time order, and shows them to every observer as matched frames.
///
/// # Errors
/// The first error of an observer or of polars.
pub(crate) fn observe(names: &Names<'_>, trace: &Trace, progress: Progress<'_>, observers: &mut [&mut dyn Observer]) -> Result<Vec<Problem>, Error> {
    let mut matcher = Matcher::new(names);
    let problems = frames::for_each(trace, PageEvent::TABLE, None, progress, |frame| {
        let frame = matcher.frame(&frame)?;
        observers.iter_mut().try_for_each(|observer| observer.frame(&frame))
    })?;
    let live: Vec<_> = matcher.live.still_live().map(|taken| matcher.row(trace.header.clock.end_ns, 0, Class::Allocated, &taken)).collect();
    for observer in observers {
        observer.still_live(&live);
    }
    Ok(problems)
}

struct Matcher<'a> {
    names: &'a Names<'a>,
    page_alloc: u8,
    live: LiveFrames,
}

impl<'a> Matcher<'a> {
    fn new(names: &'a Names<'a>) -> Self {
        // A header without the kind has no such events either.
        let page_alloc = names.header.kinds.get(trace::Kind::PageAlloc.name()).copied().unwrap_or(0);
        Self { names, page_alloc, live: LiveFrames::default() }
    }

    fn frame(&mut self, frame: &DataFrame) -> Result<DataFrame, Error> {
        let (time, pid, cpu, kind) = (u64s(frame, "time")?, u32s(frame, "pid")?, u16s(frame, "cpu")?, u8s(frame, "kind")?);
        let (order, pfn, gfp) = (u8s(frame, "order")?, u64s(frame, "pfn")?, u32s(frame, "gfp")?);
        let (migratetype, zone) = (u8s(frame, "migratetype")?, u8s(frame, "zone")?);
        let mut rows = Rows::with_capacity(frame.height());
        let mut taken = Vec::new();
        for i in 0..frame.height() {
            if kind[i] == self.page_alloc {
                let task = self.names.tasks.at(pid[i], time[i]);
                let allocation = Allocation {
                    time: time[i],
                    gfp: gfp[i],
                    pid: pid[i],
                    task,
                    cpu: cpu[i],
                    order: order[i],
                    migratetype: migratetype[i],
                    zone: zone[i],
                };
                let whole = Taken { from: allocation, frames: 1 << order[i].min(31) };
                if pfn[i] == NO_PFN {
                    rows.push(&Row { delta: 0, ..self.row(time[i], kind[i], Class::Failed, &whole) });
                    continue;
                }
                self.live.allocate(pfn[i], order[i], allocation, &mut taken);
                for lost in &taken {
                    rows.push(&self.row(time[i], kind[i], Class::Implied, lost));
                }
                rows.push(&self.row(time[i], kind[i], Class::Allocated, &whole));
            } else {
                let bytes = self.names.header.page_size << order[i].min(31);
                self.live.free(pfn[i], order[i], &mut taken);
                let Some((first, others)) = taken.split_first() else {
                    let (order, node, zone) = (i64::from(order[i]), self.node(zone[i]), i64::from(zone[i]));
                    rows.push(&Row { time: time[i], kind: kind[i], bytes, order, zone, node, ..Row::UNMATCHED });
                    continue;
                };
                rows.push(&Row { bytes, ..self.row(time[i], kind[i], Class::Freed, first) });
                for other in others {
                    rows.push(&self.row(time[i], kind[i], Class::Implied, other));
                }
            }
        }
        rows.into_frame()
    }

    /// A row about frames of an allocation.
    fn row(&self, time: u64, kind: u8, class: Class, taken: &Taken) -> Row {
        let Allocation { time: since, gfp, pid, task, cpu, order, migratetype, zone } = taken.from;
        let (process, comm) = self.names.tasks.process_and_comm(task);
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
            callsite: UNKNOWN,
            cache: UNKNOWN,
        }
    }

    fn node(&self, zone: u8) -> i64 {
        self.names.header.zones.get(usize::from(zone)).map_or(UNKNOWN, |zone| i64::from(zone.node))
    }
}

/// A number of [`Tasks`] as a cell.
pub(crate) fn number(number: u32) -> i64 {
    if number == tasks::UNKNOWN { UNKNOWN } else { i64::from(number) }
}
