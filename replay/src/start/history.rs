//! The state of each frame at the start of the trace, as far as the trace itself shows it.
//!
//! `/proc` gives the number of free blocks but not their positions. But a frame whose first event is an allocation was
//! free at the start, and one whose first event is a free was in use. For the frames that no event touches,
//! `/proc/kpageflags` shows the state, if the trace has it. A frame that was free but on no free list was on a CPU's
//! pcp list. This history decides *where* blocks are put, never how many there are.

use std::ops::Range;

use reference::{Layout, MIGRATE_TYPES, Migratetype, ZoneSpec};
use trace::{FrameRun, Kind, PageEvent, SnapshotWindow, Trace};

use super::{
    frame::{AtStart, EITHER, FREE, Frame, UNLISTED},
    machine::Machine,
    snapshot::{Snapshot, ZoneSnapshot},
};
use crate::Error;

/// A block that was free at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) pfn: u64,
    pub(crate) order: u8,
    pub(crate) migratetype: Option<Migratetype>,
    /// Whether `/proc/kpageflags` shows that the block was on no free list.
    unlisted: bool,
}

/// The blocks that may have been on one CPU's pcp lists: the first blocks that the CPU took, in time order.
struct PcpLists {
    /// The number of pages on the lists at the start.
    count: u64,
    taken: Vec<Taken>,
}

/// The state of every frame at the start, as far as it is known.
pub(crate) struct FrameHistory {
    base: u64,
    frames: Vec<Frame>,
    /// The time span in which `/proc/kpageflags` was read, from the first frame to the last, in ns of the trace's
    /// clock.
    read: Option<Range<u64>>,
    /// The pcp lists, by zone and CPU.
    pcp: Vec<Vec<PcpLists>>,
    /// The number of single pages allocated, by zone and type.
    asked: Vec<[u64; MIGRATE_TYPES]>,
}

impl FrameHistory {
    /// Reads the events of a trace in a first pass, to find the state of each frame at the time of a snapshot.
    /// `progress` is called with the number of steps done and their total, which counts the second pass too; that pass
    /// is as long.
    ///
    /// # Errors
    /// [`Error::Damaged`] if a batch cannot be read.
    pub(crate) fn read(
        trace: &Trace,
        machine: &Machine,
        snapshot: &Snapshot,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Self, Error> {
        let mut problems = Vec::new();
        let windows: Vec<SnapshotWindow> = trace.all(&mut problems);
        if let Some(problem) = problems.first() {
            return Err(Error::Damaged(problem.to_string()));
        }
        let mut history = Self::new(&machine.config.layout, snapshot, &windows);
        for batch in trace.rows::<FrameRun>() {
            let batch = batch.map_err(|problem| Error::Damaged(problem.to_string()))?;
            for run in &batch {
                history.note_run(run);
            }
        }
        let total = 2 * trace.rows_of("page");
        let mut done = 0;
        for batch in trace.rows::<PageEvent>() {
            let batch = batch.map_err(|problem| Error::Damaged(problem.to_string()))?;
            for event in batch.iter().filter(|event| event.time >= snapshot.time) {
                history.note(event, machine);
            }
            done += batch.len() as u64;
            progress(done, total);
        }
        history.settle(machine.config.rules.pageblock_order);
        Ok(history)
    }

    /// Creates a history in which no frame's state is known yet, for the machine in the state of a snapshot.
    fn new(layout: &Layout, snapshot: &Snapshot, windows: &[SnapshotWindow]) -> Self {
        let base = layout.zones.iter().map(|z| z.start_pfn).min().unwrap_or(0);
        let end = layout.zones.iter().map(|z| z.start_pfn + z.spanned).max().unwrap_or(base);
        let read = windows.iter().find(|window| window.source == "kpageflags").map(|window| window.time..window.end);
        let lists = |zone: &ZoneSnapshot| {
            (0..layout.cpus).map(|cpu| PcpLists { count: zone.pcp_count(cpu), taken: Vec::new() }).collect()
        };
        let frames = vec![Frame(0); (end - base) as usize];
        let asked = vec![[0; MIGRATE_TYPES]; snapshot.zones.len()];
        Self { base, frames, read, pcp: snapshot.zones.iter().map(lists).collect(), asked }
    }

    fn range(&self, pfn: u64, pages: u64) -> Range<usize> {
        let end = pfn.saturating_add(pages).saturating_sub(self.base).min(self.frames.len() as u64);
        let start = pfn.saturating_sub(self.base).min(end);
        start as usize..end as usize
    }

    /// Records the state of a run of frames in `/proc/kpageflags`. It must be called before any event is recorded.
    fn note_run(&mut self, run: &FrameRun) {
        let frames = self.range(run.pfn, run.pages);
        self.frames[frames].fill(Frame::of_class(&run.class));
    }

    /// Records one event. Events must come in time order.
    fn note(&mut self, event: &PageEvent, machine: &Machine) {
        let pages = 1 << event.order.min(reference::MAX_ORDER);
        let frames = self.range(event.pfn, pages);
        let alloc = event.kind == Kind::PageAlloc as u8;
        let migratetype = machine.migratetype(event.migratetype);
        // If the block does not lie in the event's zone, the event's zone cannot be trusted and is ignored.
        let lies_in = |zone: &ZoneSpec| {
            event.pfn >= zone.start_pfn && event.pfn.saturating_add(pages) <= zone.start_pfn + zone.spanned
        };
        let zone = machine
            .zone(event.zone)
            .map(|zone| usize::from(zone.0))
            .filter(|zone| lies_in(&machine.config().layout.zones[*zone]));
        if let (true, 0, Some(zone), Some(mt)) = (alloc, event.order, zone, migratetype) {
            self.asked[zone][mt.index()] += 1;
        }
        let Some(first) = self.frames.get(frames.start).copied().filter(|_| !frames.is_empty()) else { return };
        let whole = self.frames[frames.clone()].iter().all(|frame| !frame.has_event());
        for frame in &mut self.frames[frames] {
            frame.note(alloc, migratetype);
        }
        if !alloc || !whole {
            return;
        }
        let read_by_then = self.read.as_ref().is_some_and(|read| event.time >= self.read_at(event.pfn, read));
        if read_by_then && first.class() == FREE {
            return;
        }
        let Some(lists) = zone.and_then(|zone| self.pcp[zone].get_mut(usize::from(event.cpu))) else { return };
        // The blocks taken first were on the lists. Twice as many pages as the lists held are kept, because not all
        // blocks that were certainly on the lists come first.
        if (lists.taken.len() as u64) < 2 * lists.count {
            lists.taken.push(Taken { pfn: event.pfn, order: event.order, migratetype, unlisted: read_by_then });
        }
    }

    /// Returns the approximate time at which a frame's flags were read: the reader goes from the first frame to the
    /// last.
    fn read_at(&self, pfn: u64, read: &Range<u64>) -> u64 {
        let share = pfn.saturating_sub(self.base) as f64 / self.frames.len() as f64;
        read.start.saturating_add((read.end.saturating_sub(read.start) as f64 * share) as u64)
    }

    /// Ends the recording: separates the blocks that may have been on pcp lists from those that were on free lists.
    fn settle(&mut self, pageblock_order: u8) {
        let mut pcp = std::mem::take(&mut self.pcp);
        for lists in pcp.iter_mut().flatten() {
            lists.taken.retain(|block| block.order <= reference::COSTLY_ORDER || block.order == pageblock_order);
            for block in &lists.taken {
                let frames = self.range(block.pfn, 1 << block.order);
                self.frames[frames].fill(Frame(if block.unlisted { UNLISTED } else { EITHER }));
            }
        }
        self.pcp = pcp;
    }

    /// Returns the blocks that may have been on pcp lists of a zone, CPU by CPU, in the order in which they were taken.
    pub(crate) fn pcp(&self, zone: usize) -> impl Iterator<Item = &[Taken]> {
        self.pcp.get(zone).into_iter().flatten().map(|lists| lists.taken.as_slice())
    }

    /// Returns the type that single pages of a zone are requested with least, of the types that have their own pcp
    /// lists.
    pub(crate) fn least_asked(&self, zone: usize) -> Migratetype {
        let types = Migratetype::ALL.into_iter().filter(|mt| mt.is_mergeable());
        types.min_by_key(|mt| self.asked[zone][mt.index()]).unwrap_or(Migratetype::Movable)
    }

    /// Returns the state of a frame at the start.
    pub(crate) fn at_start(&self, pfn: u64) -> AtStart {
        pfn.checked_sub(self.base)
            .and_then(|i| self.frames.get(i as usize))
            .map_or(AtStart::Untold, |frame| frame.at_start())
    }
}
