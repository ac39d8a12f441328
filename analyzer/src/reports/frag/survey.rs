//! Everything about fragmentation, in one pass over the events.

use trace::{FrameRun, Problem, SnapshotWindow, Trace};

use super::{
    events::FragEvents,
    fallbacks::{FallbackTracker, Fallbacks},
    free_blocks::FreeBlockTracker,
    history::{self, Basis, History},
    pageblocks::{self, TypeCount},
    pollution::{Pollution, PollutionTracker},
    wanted::Wanted,
};
use crate::{
    Error, Events, Key, Loss, Names,
    aggregate::accumulator::{Accumulator, accumulate},
    matching::event::MatchedEvent,
    read::{batches::Progress, snapshots::Snapshot},
};

/// Everything that is found out about fragmentation.
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
    problems.extend(accumulate(Events::Page, &names, trace, progress, &mut [&mut survey])?);
    let fragmentation = survey.finish(&mut problems);
    loss.add(problems);
    Ok((fragmentation, loss))
}

/// The accumulator of everything about fragmentation: it takes the page events, and reads those of the family `frag`
/// between them.
pub(crate) struct Survey<'a> {
    trace: &'a Trace,
    events: FragEvents<'a>,
    free_blocks: FreeBlockTracker<'a>,
    fallbacks: FallbackTracker<'a>,
    pollution: Option<PollutionTracker<'a>>,
}

impl<'a> Survey<'a> {
    /// Starts with what every frame was used for at the start of the trace.
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
            events: FragEvents::of(trace),
            free_blocks: FreeBlockTracker::new(
                header,
                basis,
                read.clone().unwrap_or_default(),
                snapshots,
                &wanted.moments,
            ),
            fallbacks: FallbackTracker::new(names, &wanted.by),
            pollution: Basis::knows_frames(trace)
                .then(|| PollutionTracker::new(header, follows, read.unwrap_or_default())),
        };
        survey.read_frames(problems);
        survey
    }

    /// Reads what every frame was used for at the start. Runs are in order and apart from each other; what is not was
    /// written by no collector, and is left out.
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
                    self.free_blocks.frames(&run);
                    pollution.frames(&run);
                }
            }
        }
    }

    /// Returns the result, once all page events were taken in.
    pub fn finish(mut self, problems: &mut Vec<Problem>) -> Fragmentation {
        self.moved_until(u64::MAX);
        problems.append(&mut self.events.problems);
        Fragmentation {
            history: History { isolated: history::isolated(self.trace), ..self.free_blocks.finish() },
            fallbacks: self.fallbacks.finish(),
            has_fallbacks: self.trace.rows_of("frag") > 0
                || self.trace.header.options.get("events").is_some_and(|events| events.contains("frag")),
            types: pageblocks::types(self.trace, problems),
            pollution: self.pollution.map_or_else(Vec::new, PollutionTracker::finish),
        }
    }

    /// Takes in the events of the family `frag` that happened up to `time`.
    fn moved_until(&mut self, time: u64) {
        while let Some((moved, event)) = self.events.until(time) {
            self.free_blocks.moved(moved, &event);
            self.fallbacks.moved(moved, &event);
        }
    }
}

impl Accumulator for Survey<'_> {
    fn event(&mut self, event: &MatchedEvent<'_>) {
        // What a page event is about has left free_area, or goes back to it, by events of its own: those before it come
        // first.
        self.moved_until(event.time);
        self.free_blocks.page(event);
        self.fallbacks.page(event);
        if let Some(pollution) = &mut self.pollution {
            pollution.page(event);
        }
    }

    fn tells_apart(&self) -> Vec<Key> {
        Vec::new()
    }
}
