//! A whole replay: initial state, events, comparison.

use std::{collections::BTreeMap, iter::Peekable, time::Instant};

use reference::{NR_ORDERS, PageAllocator};
use trace::{FragEvent, FrameRun, Kind, Ledger, PageEvent, Program, SnapshotWindow, Trace};

use crate::{
    Engine, Error, Gap, Machine, Mode, Outcome, Policy, Score, Snapshot, ZoneRow,
    engine::Missing,
    evidence::Evidence,
    initial,
    outcome::Moment,
    score::{Comparison, Fallbacks, Pageblocks, fallback_error, fraction, pageblock_error},
    snapshots,
    unseen::{self, Step},
};

/// How the model starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Init {
    /// In the state of the trace's first snapshot.
    Snapshot,
    /// With all memory free.
    Empty,
}

/// What a replay is to do.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whose rules the model follows.
    pub policy: Policy,
    /// How it starts.
    pub init: Init,
    /// How the trace drives it.
    pub mode: Mode,
}

impl Default for Options {
    fn default() -> Self {
        Self { policy: Policy::Auto, init: Init::Snapshot, mode: Mode::Requests }
    }
}

/// Replays the page events of a trace. `progress` is called now and then with the steps done, of how many.
///
/// # Errors
/// When the trace lacks what a model needs, or is damaged.
pub fn replay(trace: &Trace, options: &Options, progress: &mut dyn FnMut(u64, u64)) -> Result<Outcome, Error> {
    let mut machine = Machine::of(trace, options.policy)?;
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
            let evidence = collect_evidence(trace, first, snapshot, progress)?;
            for machine in machines {
                let (mm, seeded) = initial::allocator(machine, snapshot, &evidence);
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

/// The machine's fallbacks to other migratetypes, if the trace has events of that family.
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

/// The second pass: every event to every model.
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

/// The first pass: where free memory was at the start.
fn collect_evidence(
    trace: &Trace,
    machine: &Machine,
    snapshot: &Snapshot,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Evidence, Error> {
    let mut problems = Vec::new();
    let windows: Vec<SnapshotWindow> = trace.all(&mut problems);
    if let Some(problem) = problems.first() {
        return Err(Error::Damaged(problem.to_string()));
    }
    let mut evidence = Evidence::new(&machine.config.layout, snapshot, &windows);
    for batch in trace.rows::<FrameRun>() {
        let batch = batch.map_err(|problem| Error::Damaged(problem.to_string()))?;
        for run in &batch {
            evidence.note_run(run);
        }
    }
    let total = 2 * trace.rows_of("page");
    let mut done = 0;
    for batch in trace.rows::<PageEvent>() {
        let batch = batch.map_err(|problem| Error::Damaged(problem.to_string()))?;
        for event in batch.iter().filter(|event| event.time >= snapshot.time) {
            evidence.note(event, machine);
        }
        done += batch.len() as u64;
        progress(done, total);
    }
    evidence.settle(machine.config.rules.pageblock_order);
    Ok(evidence)
}

/// One model on its way through a trace.
struct Run<'a> {
    machine: &'a Machine,
    /// Free pages of the first snapshot without a place in the model.
    unplaced: u64,
    engine: Engine<'a>,
    snapshots: &'a [Snapshot],
    /// The next snapshot to compare with.
    next: usize,
    /// What happens without events.
    unseen: Peekable<Box<dyn Iterator<Item = Step>>>,
    comparison: Comparison,
    null: Comparison,
    initial: Vec<[u64; NR_ORDERS]>,
    /// Pageblocks of the model at the start.
    pageblocks: Pageblocks,
    /// Free blocks at the first snapshot and at each compared with.
    moments: Vec<Moment>,
    /// Free blocks and pageblocks of the model at the last snapshot.
    at_last: Option<(Vec<[u64; NR_ORDERS]>, Pageblocks)>,
}

impl<'a> Run<'a> {
    fn new(
        trace: &Trace,
        machine: &'a Machine,
        mode: Mode,
        mm: PageAllocator,
        unplaced: u64,
        snapshots: &'a [Snapshot],
    ) -> Self {
        let mut engine = Engine::new(machine, mm, mode);
        engine.set_missing(missing(trace));
        let initial =
            snapshots.first().map_or_else(|| engine.free_blocks(), |s| s.zones.iter().map(|z| z.free).collect());
        let (comparison, null) = Default::default();
        let pageblocks = engine.pageblocks();
        let start =
            |first: &Snapshot| Moment { time: first.time, machine: initial.clone(), model: engine.free_blocks() };
        let moments = snapshots.first().map(start).into_iter().collect();
        let start = snapshots.first().map_or(0, |first| first.time);
        let memory = machine.config.layout.zones.iter().map(|zone| zone.managed).sum();
        // Where the machine's frames are used, a page of which nothing is known would stand in the way of one of which
        // it is.
        let moved = (mode == Mode::Requests).then(|| unseen::steps(trace, start, memory));
        let unseen = (Box::new(moved.into_iter().flatten()) as Box<dyn Iterator<Item = Step>>).peekable();
        Self {
            machine,
            unplaced,
            engine,
            snapshots,
            next: 1,
            unseen,
            comparison,
            null,
            initial,
            pageblocks,
            moments,
            at_last: None,
        }
    }

    /// Lets pass what happened up to `time` beside the events: pages that moved unseen, and snapshots, which the model
    /// is compared with, and whose sizes and marks it takes over.
    fn advance(&mut self, time: u64) {
        while let Some(snapshot) = self.snapshots.get(self.next).filter(|s| s.time <= time) {
            self.next += 1;
            self.move_unseen(snapshot.time);
            let model = self.engine.free_blocks();
            self.comparison.add(&model, snapshot);
            self.null.add(&self.initial, snapshot);
            let machine = snapshot.zones.iter().map(|zone| zone.free).collect();
            self.moments.push(Moment { time: snapshot.time, machine, model: model.clone() });
            if self.next == self.snapshots.len() {
                self.at_last = Some((model, self.engine.pageblocks()));
            }
            for (z, zone) in snapshot.zones.iter().enumerate() {
                initial::apply_zoneinfo(self.engine.model_mut(), self.machine, reference::ZoneId(z as u8), zone);
            }
        }
        self.move_unseen(time);
    }

    fn move_unseen(&mut self, time: u64) {
        while let Some(step) = self.unseen.next_if(|step| step.time <= time) {
            self.engine.unseen(step);
        }
    }

    fn finish(self, trace: &Trace, fallbacks: Option<&Fallbacks>, started: Instant) -> Result<Outcome, Error> {
        self.engine.model().validate()?;
        let gaps = self.engine.gaps().clone();
        let tally = *self.engine.tally();
        let last = self.snapshots.last().filter(|_| self.snapshots.len() > 1);
        let model_blocks = self.at_last.as_ref().map_or(&self.pageblocks, |(_, blocks)| blocks);
        // The events say it; without them, what fallbacks leave behind: pageblocks of another type.
        let by_pageblocks = |blocks| pageblock_error((&self.pageblocks, blocks), self.snapshots.first()?, last?);
        let own_fallbacks = self.engine.model().extfrag_by_type();
        let error = |model: &Fallbacks, blocks| {
            fallbacks.map_or_else(|| by_pageblocks(blocks), |machine| fallback_error(model, machine))
        };
        let misfits = gaps.total() - gaps.get(Gap::Failed);
        let score = Score {
            zone_agreement: self.engine.zone_agreement(false),
            free_blocks_distance: self.comparison.distance(),
            free_pages_error: self.comparison.pages_error(),
            fallback_error: error(&own_fallbacks, model_blocks),
            unexplained: fraction(gaps.get(Gap::Unexplained), tally.events),
        };
        let null_model = Score {
            zone_agreement: self.engine.zone_agreement(true),
            free_blocks_distance: self.null.distance(),
            free_pages_error: self.null.pages_error(),
            fallback_error: error(&Fallbacks::default(), &self.pageblocks),
            // It has no books, so it explains no gap.
            unexplained: fraction(misfits, tally.events),
        };
        let model_free = self.at_last.as_ref().map_or_else(|| self.engine.free_blocks(), |(free, _)| free.clone());
        let machine_free = |z: usize| last.map_or([0; NR_ORDERS], |s| s.zones[z].free);
        let names = self.machine.zone_names().into_iter().enumerate();
        let zones = names.map(|(z, name)| ZoneRow {
            name,
            initial: self.initial[z],
            machine: machine_free(z),
            model: model_free[z],
        });
        let gone = missing(trace);
        Ok(Outcome {
            policy: self.machine.config.generation.name(),
            kernel: trace.header.kernel.clone(),
            events: tally.events,
            allocs: tally.allocs,
            frees: tally.frees,
            machine_failures: tally.machine_failures,
            model_failures: tally.model_failures,
            model_fallbacks: own_fallbacks.iter().flatten().sum(),
            machine_fallbacks: fallbacks.map(|by_type| by_type.iter().flatten().sum()),
            orphans_dropped: tally.orphans_dropped,
            unplaced_pages: self.unplaced,
            legal: tally.legal,
            illegal: tally.illegal,
            missing_events: gone.allocs + gone.frees,
            snapshots: (self.snapshots.len() as u32).saturating_sub(1),
            elapsed_s: started.elapsed().as_secs_f64(),
            score,
            null_model,
            gaps,
            zones: zones.collect(),
            moments: self.moments,
        })
    }
}

/// Page events that the ledger counts as lost or filtered. Its rows are running totals, so the last row of each CPU and
/// program counts.
fn missing(trace: &Trace) -> Missing {
    let mut last: BTreeMap<(u16, String), u64> = BTreeMap::new();
    for row in trace.all::<Ledger>(&mut Vec::new()) {
        last.insert((row.cpu, row.program), row.dropped.saturating_add(row.filtered).saturating_add(row.missed));
    }
    let sum = |program: Program| last.iter().filter(|((_, name), _)| name == program.name()).map(|(_, n)| n).sum();
    debug_assert_eq!(Kind::PageAlloc.name(), Program::PageAlloc.name());
    Missing { allocs: sum(Program::PageAlloc), frees: sum(Program::PageFree) }
}
