//! How fragmented the free memory of a zone is, at any moment, and what made it so.
//!
//! ```text
//! frame_run (the free frames at the start) ─┐
//! frag and page events ─────────────────────┼─ reckoning ─ History: free blocks at any moment, drift, times without large blocks
//! free_area (snapshots of /proc/buddyinfo) ─┘
//! extfrag events, and the page events after them ─ fallbacks
//! frame_run, pageblock and page events ─ pollution
//! ```

mod bits;
mod events;
mod fallbacks;
mod free_area;
mod history;
mod index;
mod pollution;
mod reckoning;
mod tables;

use trace::{FrameRun, Problem, SnapshotWindow, Trace};

use self::{events::Events, fallbacks::Gathering, pollution::Watch, reckoning::Reckoning};
pub use self::{
    fallbacks::{By, FallbackCounts, FallbackGroup, Fallbacks, Severity},
    history::{Basis, Drift, History, Moment, Oddities, Scarcity, Source},
    index::{extfrag_index, unusable_index},
    pollution::{Mixture, Pollution, TypeCount},
    tables::{at, drift, over_time},
};
use crate::{
    Error, Key, Loss, Names, frames::Progress, matched::Row, observer::Observer, pages, rates, snapshots::Snapshot,
};

/// What is wanted of a trace besides what is always found.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// moments at which the free blocks are asked for, in ns of the clock and in order
    pub moments: Vec<u64>,
    /// where nothing tells what left `free_area`, make do with the pages allocated and freed
    pub estimate: bool,
    /// what fallbacks are grouped by
    pub by: Vec<By>,
}

impl Wanted {
    /// What a summary needs: a hundred moments or so, and [`By::DEFAULT`].
    pub fn summary(trace: &Trace) -> Self {
        Self { moments: moments(trace, rates::interval(&trace.header)), estimate: false, by: By::DEFAULT.to_vec() }
    }
}

/// Moments from the start of the trace to its end, `interval` ns apart.
pub fn moments(trace: &Trace, interval: u64) -> Vec<u64> {
    let clock = &trace.header.clock;
    (clock.start_ns..=clock.end_ns).step_by(interval.max(1) as usize).collect()
}

/// Everything about fragmentation.
#[derive(Debug, Clone)]
pub struct Fragmentation {
    /// the free blocks over time
    pub history: History,
    /// the fallbacks
    pub fallbacks: Fallbacks,
    /// whether the trace would have fallbacks, if there were any
    pub has_fallbacks: bool,
    /// pageblocks by migratetype
    pub types: Vec<TypeCount>,
    /// mixed pageblocks, if the trace says what frames were used for
    pub pollution: Vec<Pollution>,
}

/// Reads a trace for its fragmentation alone.
///
/// # Errors
/// If the columns are not what the format says, or fallbacks are wanted by call site and there are no stacks.
pub fn read(
    trace: &Trace,
    snapshots: &[Snapshot],
    wanted: &Wanted,
    progress: Progress<'_>,
) -> Result<(Fragmentation, Loss), Error> {
    let mut loss = Loss::read(trace);
    let mut problems = Vec::new();
    let names = Names::read(trace, &mut problems);
    if let Some(by) = wanted.by.iter().find(|by| by.is_call_site() && !names.has_stacks()) {
        let instead =
            "it comes from the stack of the allocation that follows, and this trace has none: record with --stacks";
        return Err(Error::NoSuchColumn { events: "extfrag", key: by.name(), instead });
    }
    let mut survey = Survey::new(trace, &names, snapshots, wanted, &mut problems);
    problems.extend(pages::observe(&names, trace, progress, &mut [&mut survey])?);
    let fragmentation = survey.finish(&mut problems);
    loss.add(problems);
    Ok((fragmentation, loss))
}

/// Finds it, in one pass over the page events, with those of the family `frag` between them.
pub(crate) struct Survey<'a> {
    trace: &'a Trace,
    events: Events<'a>,
    reckoning: Reckoning<'a>,
    fallbacks: Gathering<'a>,
    pollution: Option<Watch<'a>>,
}

impl<'a> Survey<'a> {
    pub fn new(
        trace: &'a Trace,
        names: &'a Names<'a>,
        snapshots: &'a [Snapshot],
        wanted: &'a Wanted,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let header = &trace.header;
        let windows: Vec<SnapshotWindow> = trace.all(problems);
        let read = windows.iter().find(|window| window.source == "kpageflags").map(|window| window.time..window.end);
        let known = Basis::of(trace);
        let follows = !matches!(known, Basis::Snapshots(_));
        let basis = if known == Basis::Pages && !wanted.estimate { Basis::NO_FRAG } else { known };
        let mut survey = Self {
            trace,
            events: Events::of(trace),
            reckoning: Reckoning::new(header, basis, read.clone().unwrap_or_default(), snapshots, &wanted.moments),
            fallbacks: Gathering::new(names, &wanted.by),
            pollution: Basis::knows_frames(trace).then(|| Watch::new(header, follows, read.unwrap_or_default())),
        };
        survey.read_frames(problems);
        survey
    }

    /// What every frame was used for at the start. Runs are in order and apart from each other; what is not is no
    /// collector's.
    fn read_frames(&mut self, problems: &mut Vec<Problem>) {
        let Some(pollution) = &mut self.pollution else { return };
        let mut next = 0;
        for rows in self.trace.rows::<FrameRun>() {
            let rows = rows.unwrap_or_else(|problem| {
                problems.push(problem);
                Vec::new()
            });
            for run in rows {
                if run.pfn >= next {
                    next = run.pfn.saturating_add(run.pages);
                    self.reckoning.frames(&run);
                    pollution.frames(&run);
                }
            }
        }
    }

    /// The result, once all page events were shown.
    pub fn finish(mut self, problems: &mut Vec<Problem>) -> Fragmentation {
        self.moved_until(u64::MAX);
        problems.append(&mut self.events.problems);
        Fragmentation {
            history: History { isolated: history::isolated(self.trace), ..self.reckoning.finish() },
            fallbacks: self.fallbacks.finish(),
            has_fallbacks: self.trace.rows_of("frag") > 0
                || self.trace.header.options.get("events").is_some_and(|events| events.contains("frag")),
            types: pollution::types(self.trace, problems),
            pollution: self.pollution.map_or_else(Vec::new, Watch::finish),
        }
    }

    fn moved_until(&mut self, time: u64) {
        while let Some((moved, event)) = self.events.until(time) {
            self.reckoning.moved(moved, &event);
            self.fallbacks.moved(moved, &event);
        }
    }
}

impl Observer for Survey<'_> {
    fn row(&mut self, row: &Row) {
        // What a page event is about has left free_area, or goes back to it, by events of its own: those before it come
        // first.
        self.moved_until(row.time);
        self.reckoning.page(row);
        self.fallbacks.page(row);
        if let Some(pollution) = &mut self.pollution {
            pollution.page(row);
        }
    }

    fn asks_who(&self) -> Vec<Key> {
        Vec::new()
    }
}
