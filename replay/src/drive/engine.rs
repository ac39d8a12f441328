//! The replay engine, which feeds the events to the allocator and records which block of the model stands for which
//! block of the machine.

use reference::{Cpu, Gfp, MIGRATE_TYPES, NR_ORDERS, Order, PageAllocator, Pfn, ZoneId};
use trace::{Kind, NO_PFN, PageEvent};

use super::{
    mapping::{Mapping, Slot},
    missing::Missing,
    unseen::Step,
};
use crate::{
    compare::{Gap, Gaps, score::fraction},
    start::Machine,
};

/// The time between two runs of the vmstat worker (`vm.stat_interval`), in ns.
const STAT_INTERVAL_NS: u64 = 1_000_000_000;

/// The counts of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) events: u64,
    pub(crate) allocs: u64,
    pub(crate) frees: u64,
    pub(crate) zone_known: u64,
    pub(crate) zone_agrees: u64,
    pub(crate) null_agrees: u64,
    pub(crate) machine_failures: u64,
    pub(crate) model_failures: u64,
    pub(crate) orphans_elsewhere: u64,
    pub(crate) orphans_dropped: u64,
    pub(crate) legal: u64,
    pub(crate) illegal: u64,
}

/// The way in which a trace drives the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// The model gets the requests and chooses its own frames.
    #[default]
    Requests,
    /// The model is made to use the machine's frames, and each block is checked: it must be free in the model. This
    /// mode is for a model without per-CPU lists.
    Frames,
}

/// One model during a replay.
pub struct Engine<'a> {
    machine: &'a Machine,
    mode: Mode,
    mm: PageAllocator,
    mapping: Mapping,
    gaps: Gaps,
    tally: Tally,
    missing: Missing,
    next_tick: u64,
    /// The pages in use that were taken without an event.
    unseen: Vec<Pfn>,
    /// The frames at which the search for held memory continues, by zone and order.
    cursors: Vec<[u64; NR_ORDERS]>,
}

impl<'a> Engine<'a> {
    /// Creates an engine on an allocator in its initial state.
    pub fn new(machine: &'a Machine, mm: PageAllocator, mode: Mode) -> Self {
        let cursors = machine.config.layout.zones.iter().map(|z| [z.start_pfn + z.spanned; NR_ORDERS]).collect();
        Self {
            machine,
            mode,
            mm,
            mapping: Mapping::default(),
            gaps: Gaps::default(),
            tally: Tally::default(),
            missing: Missing::default(),
            next_tick: 0,
            unseen: Vec::new(),
            cursors,
        }
    }

    pub(crate) fn set_missing(&mut self, missing: Missing) {
        self.missing = missing;
    }

    /// Returns the model.
    pub const fn model(&self) -> &PageAllocator {
        &self.mm
    }

    pub(crate) fn model_mut(&mut self) -> &mut PageAllocator {
        &mut self.mm
    }

    /// Returns the counts of events that did not fit, by class.
    pub const fn gaps(&self) -> &Gaps {
        &self.gaps
    }

    pub(crate) const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Returns the share of allocations that came from the zone that the machine used. With `null` the share is that of
    /// a model that always takes the highest allowed zone.
    pub(crate) fn zone_agreement(&self, null: bool) -> Option<f64> {
        let agrees = if null { self.tally.null_agrees } else { self.tally.zone_agrees };
        fraction(agrees, self.tally.zone_known)
    }

    /// Returns the model's free blocks by zone and order.
    pub fn free_blocks(&self) -> Vec<[u64; NR_ORDERS]> {
        (0..self.cursors.len()).map(|z| self.mm.free_blocks(ZoneId(z as u8))).collect()
    }

    /// Returns the model's pageblocks by zone and type.
    pub fn pageblocks(&self) -> Vec<[u64; MIGRATE_TYPES]> {
        self.mm.stats().into_iter().map(|z| z.pageblocks).collect()
    }

    /// Feeds one page event. Events must come in time order.
    pub fn event(&mut self, event: &PageEvent) {
        if event.time >= self.next_tick {
            if self.next_tick > 0 {
                self.mm.vmstat_tick();
            }
            self.next_tick = event.time + STAT_INTERVAL_NS;
        }
        self.tally.events += 1;
        match Kind::from_number(event.kind) {
            Some(Kind::PageAlloc) => self.alloc(event),
            Some(Kind::PageFree) => self.free(event),
            _ => {}
        }
    }

    /// Takes a page or gives one back without an event. The trace has no details of these pages; most belong to the
    /// page cache or to processes.
    pub(crate) fn unseen(&mut self, step: Step) {
        let cpu = Cpu(step.cpu);
        if step.taken {
            let gfp = self.mm.mask("GFP_HIGHUSER_MOVABLE");
            self.unseen.extend(self.mm.alloc_pages(gfp, Order(0), cpu, self.machine.node(step.cpu)).ok());
            return;
        }
        if let Some(pfn) = self.unseen.pop() {
            self.give_back(Some(pfn), 0, step.cpu);
        } else if let Some(held) = self.preferred_zone(step.cpu).and_then(|zone| self.find_held(zone, 0)) {
            let freed = self.mm.free_held(held, Order(0), cpu);
            debug_assert_eq!(freed, Ok(()), "found to be held");
        }
    }

    fn preferred_zone(&self, cpu: u16) -> Option<ZoneId> {
        self.mm.preferred_zone(self.mm.mask("GFP_HIGHUSER_MOVABLE"), self.machine.node(cpu))
    }

    fn alloc(&mut self, event: &PageEvent) {
        self.tally.allocs += 1;
        let node = self.machine.node(event.cpu);
        let (gfp, order, cpu) = (Gfp(event.gfp), Order(event.order), Cpu(event.cpu));
        if event.pfn == NO_PFN {
            self.tally.machine_failures += 1;
            self.gaps.count(Gap::Failed);
            if let Ok(pfn) = self.mm.alloc_pages(gfp, order, cpu, node) {
                // The machine's caller got nothing, so no free event will follow.
                self.give_back(Some(pfn), event.order, event.cpu);
            }
            return;
        }
        if self.mm.zone_of(Pfn(event.pfn)).is_none() || event.order > reference::MAX_ORDER {
            self.gaps.count(Gap::ForeignFrame);
            return;
        }
        self.release_overlapped(event);
        let traced = self.machine.zone(event.zone).or_else(|| self.mm.zone_of(Pfn(event.pfn)));
        self.tally.zone_known += 1;
        self.tally.null_agrees += u64::from(self.mm.preferred_zone(gfp, node) == traced);
        if self.mode == Mode::Frames {
            self.take_traced_frames(event);
            return;
        }
        let model = self.mm.alloc_pages(gfp, order, cpu, node).ok();
        match model {
            Some(pfn) => self.tally.zone_agrees += u64::from(self.mm.zone_of(pfn) == traced),
            None => self.tally.model_failures += 1,
        }
        self.mapping.insert(event.pfn, event.order, model);
    }

    /// Takes the frames of an event in frames mode. The block must be free in the model; if it is not, the model marks
    /// it as in use.
    fn take_traced_frames(&mut self, event: &PageEvent) {
        let (pfn, order) = (Pfn(event.pfn), Order(event.order));
        let mt = self.machine.migratetype(event.migratetype).unwrap_or(reference::Migratetype::Movable);
        if self.mm.take_free_block(pfn, order, mt).is_ok() {
            self.tally.legal += 1;
            self.tally.zone_agrees += 1;
            self.mapping.insert(event.pfn, event.order, Some(pfn));
            return;
        }
        self.tally.illegal += 1;
        let held = self.mm.seed_allocated(pfn, order, mt).is_ok();
        self.mapping.insert(event.pfn, event.order, held.then_some(pfn));
    }

    /// Frees the live blocks that overlap with the frames of an allocation: their own frees were not seen.
    fn release_overlapped(&mut self, event: &PageEvent) {
        let end = event.pfn + (1 << event.order);
        let mut missed = false;
        while let Some((head, order, model)) =
            self.mapping.first_live(event.pfn, end).and_then(|pfn| self.mapping.block_of(pfn))
        {
            self.mapping.remove(head, order);
            self.give_back(model, order, event.cpu);
            missed = true;
        }
        if missed {
            let lost = self.missing.frees > 0;
            self.missing.frees = self.missing.frees.saturating_sub(1);
            self.gaps.count(if lost { Gap::Lost } else { Gap::Unexplained });
        }
    }

    fn free(&mut self, event: &PageEvent) {
        self.tally.frees += 1;
        if self.mm.zone_of(Pfn(event.pfn)).is_none() || event.order > reference::MAX_ORDER {
            self.gaps.count(Gap::ForeignFrame);
            return;
        }
        match self.mapping.block_of(event.pfn) {
            Some((head, order, model)) if head == event.pfn && order == event.order => {
                self.mapping.remove(head, order);
                self.give_back(model, order, event.cpu);
            }
            Some((head, order, model)) if order > event.order => {
                self.gaps.count(Gap::Split);
                self.split(head, order, model, event.order);
                if let Some((head, order, model)) = self.mapping.block_of(event.pfn) {
                    self.mapping.remove(head, order);
                    self.give_back(model, order, event.cpu);
                }
            }
            Some(_) => {
                self.gaps.count(Gap::Merged);
                self.free_range(event);
            }
            None => {
                let freed = self.mapping.get(event.pfn) == Slot::Freed;
                self.gaps.count(if freed { Gap::UntracedAlloc } else { Gap::Orphan });
                self.free_range(event);
            }
        }
    }

    /// Splits a live block into blocks of a lower order.
    fn split(&mut self, head: u64, order: u8, model: Option<Pfn>, to: u8) {
        // The model's block is allocated with this order, so it can be split.
        let model = model.filter(|pfn| self.mm.split_page(*pfn, Order(to)).is_ok());
        for k in 0..1u64 << (order - to) {
            self.mapping.insert(head + (k << to), to, model.map(|pfn| Pfn(pfn.0 + (k << to))));
        }
    }

    /// Frees the frames of an event: live blocks are freed as such, and frames that no event has touched are freed as
    /// memory held since before the trace. Frames that are free already were allocated without an event, so nothing is
    /// left to do for them.
    fn free_range(&mut self, event: &PageEvent) {
        let end = event.pfn + (1 << event.order);
        let whole = (event.pfn..end).all(|p| self.mapping.get(p) == Slot::Unknown);
        if whole {
            self.free_orphan(event.pfn, event.order, event.cpu);
        } else {
            for pfn in event.pfn..end {
                match self.mapping.get(pfn) {
                    Slot::Live { order, model } => {
                        self.mapping.remove(pfn, order);
                        self.give_back(model, order, event.cpu);
                    }
                    Slot::Unknown => self.free_orphan(pfn, 0, event.cpu),
                    Slot::Tail | Slot::Freed => {}
                }
            }
        }
        self.mapping.remove(event.pfn, event.order);
    }

    /// Frees memory that was in use before the trace: the same frames if the model holds them, or else the next held
    /// block of the zone.
    fn free_orphan(&mut self, pfn: u64, order: u8, cpu: u16) {
        let cpu = Cpu(cpu);
        if self.mm.free_held(Pfn(pfn), Order(order), cpu).is_ok() {
            return;
        }
        let Some(zone) = self.mm.zone_of(Pfn(pfn)) else { return };
        match self.find_held(zone, order) {
            Some(held) if self.mm.free_held(held, Order(order), cpu).is_ok() => self.tally.orphans_elsewhere += 1,
            _ => self.tally.orphans_dropped += 1,
        }
    }

    /// Returns the next held block below the cursor that no event has touched.
    fn find_held(&mut self, zone: ZoneId, order: u8) -> Option<Pfn> {
        let start = self.machine.config.layout.zones[usize::from(zone.0)].start_pfn;
        let pages = 1u64 << order;
        let cursor = &mut self.cursors[usize::from(zone.0)][usize::from(order)];
        let mut at = *cursor >> order << order;
        while let Some(next) = at.checked_sub(pages).filter(|p| *p >= start) {
            at = next;
            if self.mapping.get(at) == Slot::Unknown && self.mm.is_held(Pfn(at), Order(order)) {
                *cursor = at;
                return Some(Pfn(at));
            }
        }
        *cursor = start;
        None
    }

    fn give_back(&mut self, model: Option<Pfn>, order: u8, cpu: u16) {
        if let Some(pfn) = model {
            let freed = self.mm.free_pages(pfn, Order(order), Cpu(cpu));
            debug_assert_eq!(freed, Ok(()), "the books say that the model's block is live");
        }
    }
}
