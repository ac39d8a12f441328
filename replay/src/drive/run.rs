//! One model and its state during a replay.

use std::{iter::Peekable, time::Instant};

use reference::{NR_ORDERS, PageAllocator, ZoneId};
use trace::Trace;

use super::{
    engine::{Engine, Mode},
    missing::missing,
    unseen::{self, Step},
};
use crate::{
    Error,
    compare::{
        Gap, Moment, Outcome, Score, ZoneRow,
        score::{Comparison, Fallbacks, Pageblocks, fallback_error, fraction, pageblock_error},
    },
    start::{Machine, Snapshot, zoneinfo::apply_zoneinfo},
};

/// One model and its state during a replay.
pub(super) struct Run<'a> {
    machine: &'a Machine,
    /// The number of free pages of the first snapshot that found no place in the model.
    unplaced: u64,
    pub(super) engine: Engine<'a>,
    snapshots: &'a [Snapshot],
    /// The index of the next snapshot to compare with.
    next: usize,
    /// The pages that are taken or given back without events, in time order.
    unseen: Peekable<Box<dyn Iterator<Item = Step>>>,
    comparison: Comparison,
    null: Comparison,
    initial: Vec<[u64; NR_ORDERS]>,
    /// The model's pageblocks at the start, by zone and type.
    pageblocks: Pageblocks,
    /// The free blocks at the first snapshot and at each snapshot that was compared with.
    moments: Vec<Moment>,
    /// The model's free blocks and pageblocks at the last snapshot.
    at_last: Option<(Vec<[u64; NR_ORDERS]>, Pageblocks)>,
}

impl<'a> Run<'a> {
    pub(super) fn new(
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
        // With the machine's frames, a page taken without an event would occupy frames that an event needs later, so
        // these pages are left out.
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

    /// Advances the model to `time`: moves the pages without events, compares the model with the snapshots, and sets
    /// its sizes and marks to theirs.
    pub(super) fn advance(&mut self, time: u64) {
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
                apply_zoneinfo(self.engine.model_mut(), self.machine, ZoneId(z as u8), zone);
            }
        }
        self.move_unseen(time);
    }

    fn move_unseen(&mut self, time: u64) {
        while let Some(step) = self.unseen.next_if(|step| step.time <= time) {
            self.engine.unseen(step);
        }
    }

    pub(super) fn finish(
        self,
        trace: &Trace,
        fallbacks: Option<&Fallbacks>,
        started: Instant,
    ) -> Result<Outcome, Error> {
        self.engine.model().validate()?;
        let gaps = self.engine.gaps().clone();
        let tally = *self.engine.tally();
        let last = self.snapshots.last().filter(|_| self.snapshots.len() > 1);
        let model_blocks = self.at_last.as_ref().map_or(&self.pageblocks, |(_, blocks)| blocks);
        // The events count the fallbacks. Without such events, the pageblocks whose type changed are counted instead.
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
            // The null model has no mapping, so it cannot assign a class to an event.
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
            generation: self.machine.config.generation.name(),
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
