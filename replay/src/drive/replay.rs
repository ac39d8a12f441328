//! A whole replay: initial state, events, comparison.

use std::time::Instant;

use reference::{Generation, PageAllocator};
use trace::{FragEvent, Kind, PageEvent, Trace};

use super::{engine::Mode, run::Run};
use crate::{
    Error,
    compare::{Outcome, score::Fallbacks},
    start::{Machine, history::FrameHistory, initial, snapshots},
};

/// The state in which the model starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Init {
    /// The model starts in the state of the trace's first snapshot.
    Snapshot,
    /// The model starts with all memory free.
    Empty,
}

/// The options of a replay.
#[derive(Debug, Clone)]
pub struct Options {
    /// The generation of kernels whose rules the model follows; `None` for the generation nearest to the traced kernel.
    pub generation: Option<Generation>,
    /// The state in which the model starts.
    pub init: Init,
    /// The way in which the trace drives the model.
    pub mode: Mode,
}

impl Default for Options {
    fn default() -> Self {
        Self { generation: None, init: Init::Snapshot, mode: Mode::Requests }
    }
}

/// Replays the page events of a trace. `progress` is called regularly with the number of steps done and their total.
///
/// # Errors
/// When the trace lacks what a model needs, or is damaged.
pub fn replay(trace: &Trace, options: &Options, progress: &mut dyn FnMut(u64, u64)) -> Result<Outcome, Error> {
    let mut machine = Machine::of(trace, options.generation)?;
    if options.mode == Mode::Frames {
        machine.config.rules.per_cpu_lists = false;
    }
    let mut outcomes = replay_all(trace, &[machine], options, progress)?;
    outcomes.pop().ok_or_else(|| Error::NoEvents { path: trace.dir.clone() })
}

/// Replays on several models side by side, in one pass over the events.
///
/// # Errors
/// As [`replay`].
pub fn replay_all(
    trace: &Trace,
    machines: &[Machine],
    options: &Options,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Vec<Outcome>, Error> {
    let started = Instant::now();
    let Some(first) = machines.first() else { return Ok(Vec::new()) };
    if trace.rows_of("page") == 0 {
        return Err(Error::NoEvents { path: trace.dir.clone() });
    }
    let snapshots = snapshots(trace, first)?;
    let mut start = 0;
    let mut runs = Vec::new();
    match options.init {
        Init::Snapshot => {
            let snapshot = snapshots.first().ok_or_else(|| Error::NoSnapshot { path: trace.dir.clone() })?;
            start = snapshot.time;
            let history = FrameHistory::read(trace, first, snapshot, progress)?;
            for machine in machines {
                let (mm, seeded) = initial::allocator(machine, snapshot, &history);
                runs.push(Run::new(trace, machine, options.mode, mm, seeded.unplaced, &snapshots));
            }
        }
        Init::Empty => {
            let run = |machine| {
                Run::new(
                    trace,
                    machine,
                    options.mode,
                    PageAllocator::new(Machine::config(machine).clone()),
                    0,
                    &snapshots,
                )
            };
            runs.extend(machines.iter().map(run));
        }
    }
    feed(trace, &mut runs, start, progress)?;
    let fallbacks = machine_fallbacks(trace, first, start)?;
    runs.into_iter().map(|run| run.finish(trace, fallbacks.as_ref(), started)).collect()
}

/// Returns the machine's fallbacks to other migratetypes, or `None` if the trace has no events of that family.
fn machine_fallbacks(trace: &Trace, machine: &Machine, start: u64) -> Result<Option<Fallbacks>, Error> {
    if trace.rows_of("frag") == 0 {
        return Ok(None);
    }
    let mut fallbacks = Fallbacks::default();
    for batch in trace.rows::<FragEvent>() {
        let batch = batch.map_err(|problem| Error::Damaged(problem.to_string()))?;
        for event in
            batch.iter().filter(|event| event.time >= start && Kind::from_number(event.kind) == Some(Kind::ExtFrag))
        {
            if let (Some(asked), Some(taken)) =
                (machine.migratetype(event.migratetype), machine.migratetype(event.fallback_migratetype))
            {
                fallbacks[asked.index()][taken.index()] += 1;
            }
        }
    }
    Ok(Some(fallbacks))
}

/// Feeds every event to every model, in the second pass over the events.
fn feed(trace: &Trace, runs: &mut [Run<'_>], start: u64, progress: &mut dyn FnMut(u64, u64)) -> Result<(), Error> {
    let rows = trace.rows_of("page");
    let mut done = rows;
    for batch in trace.rows::<PageEvent>() {
        let batch = batch.map_err(|problem| Error::Damaged(problem.to_string()))?;
        for run in &mut *runs {
            for event in batch.iter().filter(|event| event.time >= start) {
                run.advance(event.time);
                run.engine.event(event);
            }
        }
        done += batch.len() as u64;
        progress(done, 2 * rows);
    }
    for run in runs {
        run.advance(u64::MAX);
    }
    Ok(())
}
