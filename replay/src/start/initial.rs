//! The model's initial state, which is that of the machine's first snapshot.
//!
//! The number of free blocks of each order and type is known. Their positions are not, and they decide which blocks
//! merge and which block a request gets next. Blocks are put where the trace shows free frames ([`FrameHistory`]), and
//! the rest where nothing shows that frames were in use. Every pageblock gets free blocks of one type only. The kernel
//! does not say which type a pageblock has, but only how many pageblocks have each type, so a pageblock's type is
//! inferred from its contents.

use reference::{Cpu, MAX_ORDER, MIGRATE_TYPES, Migratetype, NodeId, Order, PageAllocator, ZoneId};

use super::{
    free::FreeFrames,
    history::FrameHistory,
    machine::Machine,
    pageblocks,
    placement::Placement,
    snapshot::{Snapshot, ZoneSnapshot},
    span::{FreeLists, Span},
    zoneinfo::apply_zoneinfo,
};

/// The free pages of the snapshot for which no place was found.
pub(crate) struct Seeded {
    pub(crate) unplaced: u64,
}

/// Returns an allocator in the state of the snapshot.
pub(crate) fn allocator(machine: &Machine, snapshot: &Snapshot, history: &FrameHistory) -> (PageAllocator, Seeded) {
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
        unplaced += place(&mut mm, machine, zone, &snapshot.zones[z], history);
    }
    withhold(&mut mm, machine.withheld);
    (mm, Seeded { unplaced })
}

/// Puts the free blocks of one zone in place, and returns the number of free pages that found no place.
fn place(mm: &mut PageAllocator, machine: &Machine, zone: ZoneId, now: &ZoneSnapshot, history: &FrameHistory) -> u64 {
    let spec = &machine.config.layout.zones[usize::from(zone.0)];
    let rules = &machine.config.rules;
    let span =
        Span { start: spec.start_pfn, end: spec.start_pfn + spec.spanned, pageblock_order: rules.pageblock_order };
    let wanted = free_lists(now, rules.mobility_grouping);
    let free = FreeFrames::find(history, usize::from(zone.0), span, now.free);
    let types = if rules.mobility_grouping {
        pageblocks::infer(history, span, &free.blocks, &wanted, &now.pageblocks)
    } else {
        vec![Migratetype::Unmovable; span.slots()]
    };
    let pcp = (0..machine.config.layout.cpus).map(|cpu| now.pcp_count(cpu)).collect();
    Placement { mm, history, zone, span, free, types, wanted, pcp }.place()
}

/// Returns the number of free blocks by order and type, with the totals of buddyinfo. Those of pagetypeinfo may differ,
/// because it is read a little later and stops counting at 100,000. The type movable takes the difference.
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
            // A kernel that does not group by mobility has one type for all blocks.
            *types = [0; MIGRATE_TYPES];
            types[Migratetype::Unmovable.index()] = all;
        }
    }
    lists
}

/// Takes pages out of the model permanently, the largest blocks first.
fn withhold(mm: &mut PageAllocator, pages: u64) {
    let gfp = mm.mask("GFP_HIGHUSER_MOVABLE");
    let mut left = pages;
    for order in (0..=MAX_ORDER).rev().map(Order) {
        while left >= order.pages() && mm.alloc_pages(gfp, order, Cpu(0), NodeId(0)).is_ok() {
            left -= order.pages();
        }
    }
}
