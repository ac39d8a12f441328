//! The model's initial state: the machine's first snapshot.
//!
//! How many free blocks of each order and type there are is given. Where they are is not, and matters for merging and
//! for what a request gets next: blocks go where the trace shows free frames ([`Evidence`]), the rest where nothing
//! tells otherwise. Every pageblock holds free blocks of one type only; the kernel does not say which type a pageblock
//! has, just how many have each, so that is inferred from what lies in it.

mod free;
mod pageblocks;
mod placement;

use std::ops::Range;

use reference::{
    Cpu, MAX_ORDER, MIGRATE_TYPES, Migratetype, NR_ORDERS, NodeId, Order, PageAllocator, PcpRule, PcpSizes, ZONE_TYPES,
    ZoneId, ZoneType,
};

use crate::{Machine, Snapshot, ZoneSnapshot, evidence::Evidence};
use free::FreeFrames;
use placement::Placement;

/// Free blocks by order and type.
type FreeLists = [[u64; MIGRATE_TYPES]; NR_ORDERS];

/// Free pages of the snapshot for which no place was found.
pub(crate) struct Seeded {
    pub(crate) unplaced: u64,
}

/// An allocator in the state of the snapshot.
pub(crate) fn allocator(machine: &Machine, snapshot: &Snapshot, evidence: &Evidence) -> (PageAllocator, Seeded) {
    let mut mm = PageAllocator::held(machine.config.clone());
    let mut unplaced = 0;
    for z in 0..snapshot.zones.len() {
        let zone = ZoneId(z as u8);
        apply_zoneinfo(&mut mm, machine, zone, &snapshot.zones[z]);
        for cpu in 0..machine.config.layout.cpus {
            if let Some(high) = snapshot.zones[z].item(&format!("pagesets[{cpu}].high")) {
                mm.seed_pcp_high(zone, Cpu(cpu), high as u32);
            }
        }
        unplaced += place(&mut mm, machine, zone, &snapshot.zones[z], evidence);
    }
    withhold(&mut mm, machine.withheld);
    (mm, Seeded { unplaced })
}

/// Puts the free blocks of one zone in place; returns the free pages that found none.
fn place(mm: &mut PageAllocator, machine: &Machine, zone: ZoneId, now: &ZoneSnapshot, evidence: &Evidence) -> u64 {
    let spec = &machine.config.layout.zones[usize::from(zone.0)];
    let rules = &machine.config.rules;
    let span =
        Span { start: spec.start_pfn, end: spec.start_pfn + spec.spanned, pageblock_order: rules.pageblock_order };
    let wanted = free_lists(now, rules.mobility_grouping);
    let free = FreeFrames::find(evidence, usize::from(zone.0), span, now.free);
    let types = if rules.mobility_grouping {
        pageblocks::infer(evidence, span, &free.blocks, &wanted, &now.pageblocks)
    } else {
        vec![Migratetype::Unmovable; span.slots()]
    };
    let pcp = (0..machine.config.layout.cpus).map(|cpu| now.pcp_count(cpu)).collect();
    Placement { mm, evidence, zone, span, free, types, wanted, pcp }.place()
}

/// Free blocks by order and type, as buddyinfo counts them: pagetypeinfo is read a little later and stops at 100000.
/// Movable takes the difference.
fn free_lists(now: &ZoneSnapshot, grouping: bool) -> FreeLists {
    let mut lists = now.by_type;
    for (types, all) in lists.iter_mut().zip(now.free) {
        let typed: u64 = types.iter().sum();
        let movable = &mut types[Migratetype::Movable.index()];
        *movable = (*movable + all).saturating_sub(typed);
        let mut excess = types.iter().sum::<u64>().saturating_sub(all);
        for count in types.iter_mut() {
            let cut = excess.min(*count);
            *count -= cut;
            excess -= cut;
        }
        if !grouping {
            // A kernel that does not group has one type for all.
            *types = [0; MIGRATE_TYPES];
            types[Migratetype::Unmovable.index()] = all;
        }
    }
    lists
}

/// The frames of a zone.
#[derive(Clone, Copy)]
struct Span {
    start: u64,
    end: u64,
    pageblock_order: u8,
}

impl Span {
    fn contains(self, pfn: u64) -> bool {
        (self.start..self.end).contains(&pfn)
    }

    /// Number of its pageblocks, those that it shares with a neighbour included.
    fn slots(self) -> usize {
        (self.end.div_ceil(1 << self.pageblock_order) - (self.start >> self.pageblock_order)) as usize
    }

    /// Which of them a frame is in.
    fn slot(self, pfn: u64) -> usize {
        ((pfn >> self.pageblock_order) - (self.start >> self.pageblock_order)) as usize
    }

    /// The frames of one of them.
    fn pageblock(self, slot: usize) -> Range<u64> {
        let first = ((self.start >> self.pageblock_order) + slot as u64) << self.pageblock_order;
        first.max(self.start)..(first + (1 << self.pageblock_order)).min(self.end)
    }
}

/// Takes pages out of the model for good, the largest blocks first.
fn withhold(mm: &mut PageAllocator, pages: u64) {
    let gfp = mm.mask("GFP_HIGHUSER_MOVABLE");
    let mut left = pages;
    for order in (0..=MAX_ORDER).rev().map(Order) {
        while left >= order.pages() && mm.alloc_pages(gfp, order, Cpu(0), NodeId(0)).is_ok() {
            left -= order.pages();
        }
    }
}

/// Takes over what `/proc/zoneinfo` says about sizes and marks.
pub(crate) fn apply_zoneinfo(mm: &mut PageAllocator, machine: &Machine, zone: ZoneId, now: &ZoneSnapshot) {
    if let Some(managed) = now.item("managed").filter(|m| *m != mm.config().layout.zones[usize::from(zone.0)].managed) {
        mm.set_managed(zone, managed);
    }
    if !machine.follows_marks {
        return;
    }
    if let (Some(min), Some(low), Some(high)) = (now.item("min"), now.item("low"), now.item("high")) {
        let promo = now.item("promo").unwrap_or(2 * high - low);
        mm.set_watermarks(zone, reference::Watermarks { min, low, high, promo });
    }
    let mut reserve = [0; ZONE_TYPES];
    let columns = machine.config.layout.configured.iter();
    let found = columns.enumerate().filter_map(|(i, kind)| Some((kind, now.item(&format!("protection[{i}]"))?)));
    let mut any = false;
    for (kind, pages) in found {
        reserve[kind.index()] = pages;
        any = true;
    }
    // A column for a zone type the kernel lacks repeats the one below it.
    for kind in 1..ZONE_TYPES {
        if !machine.config.layout.configured.contains(&ZoneType::ALL[kind]) {
            reserve[kind] = reserve[kind - 1];
        }
    }
    if any {
        mm.set_lowmem_reserve(zone, reserve);
    }
    if let Some(sizes) = pcp_sizes(machine, zone, now) {
        mm.set_pcp_sizes(zone, sizes);
    }
}

/// Sizes of the per-CPU lists. Where the limit moves with the load, its bounds count; kernels before 6.13 or so do not
/// print those, so they follow from the formula.
fn pcp_sizes(machine: &Machine, zone: ZoneId, now: &ZoneSnapshot) -> Option<PcpSizes> {
    let batch = now.item("pagesets[0].batch")? as u32;
    let bounds = (now.item("pagesets[0].high_min"), now.item("pagesets[0].high_max"));
    if let (Some(min), Some(max)) = bounds {
        return Some(PcpSizes { batch, high_min: min as u32, high_max: max as u32 });
    }
    if machine.config.rules.pcp == PcpRule::AutoHigh {
        let managed = now.item("managed").unwrap_or(machine.config.layout.zones[usize::from(zone.0)].managed);
        return Some(reference::pcp_sizes(managed, now.item("low")?, machine.config.layout.cpus));
    }
    let high = now.item("pagesets[0].high")? as u32;
    Some(PcpSizes { batch, high_min: high, high_max: high })
}
