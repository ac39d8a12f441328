//! Taking a block of another type when the requested type has no free block (`__rmqueue_fallback` and its successors).
//!
//! Each generation has its own rules for this, and the differences decide how fast memory fragments.

use super::{
    expand::{del_and_expand, rmqueue_smallest},
    pageblock::{BlockCensus, census, move_freepages_block},
    request::Request,
};
use crate::{
    gfp::alloc_flags::AllocFlags,
    machine::{FallbackRule, MAX_ORDER, Rules},
    page::{Migratetype, mem_map::MemMap},
    zone::mmzone::Zone,
};

/// The outcome of a fallback attempt by the rules before 6.15.
pub(crate) enum Outcome {
    /// The attempt took this block.
    Took(u32),
    /// The attempt moved free pages to the requested type's lists, which the caller should try again.
    Moved,
    /// No other type has a suitable block either.
    Nothing,
}

/// Returns whether a fallback may take over the pageblock (`can_steal_fallback`, `should_try_claim_block`).
fn can_claim(rules: &Rules, order: u8, start: Migratetype) -> bool {
    order >= rules.pageblock_order / 2
        || matches!(start, Migratetype::Unmovable | Migratetype::Reclaimable)
        || !rules.mobility_grouping
}

/// `find_suitable_fallback`: returns the first type in the fallback table that has a block of exactly this order.
fn find_fallback(zone: &Zone, order: u8, start: Migratetype) -> Option<Migratetype> {
    start.fallbacks().iter().copied().find(|mt| zone.first_free(order, *mt).is_some())
}

/// Returns the lowest order that a fallback may take: under `ALLOC_NOFRAGMENT` only whole pageblocks.
fn min_order(rules: &Rules, request: &Request) -> u8 {
    if request.alloc.has(AllocFlags::NOFRAGMENT) { request.order.max(rules.pageblock_order) } else { request.order }
}

/// Takes a block of another type by the rules of 2.6.34, 6.1 or 6.12.
pub(crate) fn fallback(rules: &Rules, map: &mut MemMap, zone: &mut Zone, request: &Request) -> Outcome {
    let start = request.migratetype;
    let found = (min_order(rules, request)..=MAX_ORDER).rev().find_map(|o| Some((o, find_fallback(zone, o, start)?)));
    let Some((mut order, mut mt)) = found else { return Outcome::Nothing };
    let claims = can_claim(rules, order, start);
    if rules.fallback != FallbackRule::Textbook && !claims && start == Migratetype::Movable && order > request.order {
        // A movable page does little harm among others, so the request takes the smallest block instead of breaking a
        // large one.
        let smallest = (request.order..=MAX_ORDER).find_map(|o| Some((o, find_fallback(zone, o, start)?)));
        let Some(smallest) = smallest else { return Outcome::Nothing };
        (order, mt) = smallest;
    }
    let Some(i) = zone.first_free(order, mt) else { return Outcome::Nothing };
    let change_before = zone.pageblock_type(map.pfn(i));
    let outcome = match rules.fallback {
        FallbackRule::Textbook => Outcome::Took(take_textbook(rules, map, zone, request, i, order, mt)),
        FallbackRule::StealWholeBlock => {
            steal_suitable(rules, map, zone, request, i, order, mt, claims);
            Outcome::Moved
        }
        FallbackRule::Hygiene | FallbackRule::ClaimOrSteal => {
            Outcome::Took(steal_hygienic(rules, map, zone, request, i, order, mt, claims))
        }
    };
    let changed = zone.pageblock_type(map.pfn(i)) != change_before;
    zone.counters.count_extfrag(request.order, order, start, mt, changed, rules.pageblock_order);
    outcome
}

/// Takes a block by the rules of 2.6.34: with a large block, the free pages of its pageblock change lists, and the
/// pageblock changes type if half of its pages moved.
fn take_textbook(
    rules: &Rules,
    map: &mut MemMap,
    zone: &mut Zone,
    request: &Request,
    i: u32,
    order: u8,
    mt: Migratetype,
) -> u32 {
    let start = request.migratetype;
    let pfn = map.pfn(i);
    let mut rest = mt;
    if order >= rules.pageblock_order / 2 || start == Migratetype::Reclaimable || !rules.mobility_grouping {
        let moved = move_freepages_block(map, zone, pfn, start);
        if moved >= zone.pageblock_pages() / 2 || !rules.mobility_grouping {
            zone.set_pageblock_type(pfn, start);
        }
        rest = start;
    }
    let listed = map.tag(i).migratetype();
    if order >= rules.pageblock_order {
        zone.change_pageblock_range(pfn, order, start);
    }
    del_and_expand(map, zone, i, request.order, order, listed, rest);
    i
}

/// `boost_watermark`: raises the watermarks because a pageblock becomes mixed, so that kswapd reclaims more and later
/// requests find whole pageblocks.
fn boost(rules: &Rules, zone: &mut Zone, request: &Request) {
    let pageblock = zone.pageblock_pages();
    if !rules.boost || zone.counters.boost_factor == 0 || pageblock * 4 > zone.managed {
        return;
    }
    let most = (zone.marks.high * zone.counters.boost_factor / 10_000).max(pageblock);
    zone.boost = (zone.boost + pageblock).min(most);
    if request.alloc.has(AllocFlags::KSWAPD) {
        zone.counters.boosted = true;
    }
    zone.note_reserve();
}

/// Returns the number of pages in the pageblock that are compatible with the new type.
fn alike(zone: &Zone, old: Migratetype, start: Migratetype, found: BlockCensus) -> u64 {
    if start == Migratetype::Movable {
        found.movable
    } else if old == Migratetype::Movable {
        // A page that is neither free nor movable is unmovable or reclaimable, which the kernel treats as compatible
        // here.
        zone.pageblock_pages().saturating_sub(found.free + found.movable)
    } else {
        0
    }
}

fn covers_whole_pageblock(zone: &Zone, pfn: u64) -> bool {
    let (start, end) = zone.pageblock_range(pfn);
    end - start == zone.pageblock_pages()
}

fn worth_claiming(rules: &Rules, zone: &Zone, old: Migratetype, start: Migratetype, found: BlockCensus) -> bool {
    found.free + alike(zone, old, start, found) >= zone.pageblock_pages() / 2 || !rules.mobility_grouping
}

/// `steal_suitable_fallback` of 6.1: all free pages of the pageblock change lists, whether or not the pageblock changes
/// type.
#[expect(clippy::too_many_arguments, reason = "the kernel's function has the same seven and the rules")]
fn steal_suitable(
    rules: &Rules,
    map: &mut MemMap,
    zone: &mut Zone,
    request: &Request,
    i: u32,
    order: u8,
    mt: Migratetype,
    whole_block: bool,
) {
    let start = request.migratetype;
    let pfn = map.pfn(i);
    let old = zone.pageblock_type(pfn);
    if old != Migratetype::HighAtomic {
        if order >= rules.pageblock_order {
            zone.change_pageblock_range(pfn, order, start);
        } else {
            boost(rules, zone, request);
            if whole_block && covers_whole_pageblock(zone, pfn) {
                let found = census(map, zone, pfn);
                move_freepages_block(map, zone, pfn, start);
                if worth_claiming(rules, zone, old, start, found) {
                    zone.set_pageblock_type(pfn, start);
                }
                return;
            }
        }
    }
    zone.move_to_free_list(map, i, order, mt, start);
}

/// `steal_suitable_fallback` of 6.12: free pages change lists only together with the type of their pageblock.
#[expect(clippy::too_many_arguments, reason = "the kernel's function has the same seven and the rules")]
fn steal_hygienic(
    rules: &Rules,
    map: &mut MemMap,
    zone: &mut Zone,
    request: &Request,
    i: u32,
    order: u8,
    mt: Migratetype,
    whole_block: bool,
) -> u32 {
    let start = request.migratetype;
    let pfn = map.pfn(i);
    let old = zone.pageblock_type(pfn);
    if old != Migratetype::HighAtomic {
        if order >= rules.pageblock_order {
            zone.change_pageblock_range(pfn, order, start);
            del_and_expand(map, zone, i, request.order, order, mt, start);
            return i;
        }
        boost(rules, zone, request);
        if whole_block && let Some(taken) = claim_block(rules, map, zone, request, pfn, old) {
            return taken;
        }
    }
    del_and_expand(map, zone, i, request.order, order, mt, mt);
    i
}

/// `try_to_claim_block`: takes over a pageblock, if enough of it is free or compatible, and allocates from it. The
/// found block is smaller than a pageblock.
fn claim_block(
    rules: &Rules,
    map: &mut MemMap,
    zone: &mut Zone,
    request: &Request,
    pfn: u64,
    old: Migratetype,
) -> Option<u32> {
    let start = request.migratetype;
    if !covers_whole_pageblock(zone, pfn) {
        return None;
    }
    let found = census(map, zone, pfn);
    if !worth_claiming(rules, zone, old, start, found) {
        return None;
    }
    move_freepages_block(map, zone, pfn, start);
    zone.set_pageblock_type(pfn, start);
    rmqueue_smallest(map, zone, request.order, start)
}

/// `__rmqueue_claim` of 6.15 and later: takes over the first pageblock, from the largest free block down, that has
/// enough free or compatible pages.
pub(crate) fn claim(rules: &Rules, map: &mut MemMap, zone: &mut Zone, request: &Request) -> Option<u32> {
    let start = request.migratetype;
    for order in (min_order(rules, request)..=MAX_ORDER).rev() {
        if !can_claim(rules, order, start) {
            break;
        }
        let Some(mt) = find_fallback(zone, order, start) else { continue };
        let i = zone.first_free(order, mt)?;
        let pfn = map.pfn(i);
        let taken = if order >= rules.pageblock_order {
            zone.change_pageblock_range(pfn, order, start);
            del_and_expand(map, zone, i, request.order, order, mt, start);
            Some(i)
        } else {
            boost(rules, zone, request);
            let old = zone.pageblock_type(pfn);
            if old == Migratetype::HighAtomic { None } else { claim_block(rules, map, zone, request, pfn, old) }
        };
        if let Some(i) = taken {
            zone.counters.count_extfrag(request.order, order, start, mt, true, rules.pageblock_order);
            return Some(i);
        }
    }
    None
}

/// `__rmqueue_steal` of 6.15 and later: takes the smallest block of any other type and leaves the rest of it to that
/// type.
pub(crate) fn steal(map: &mut MemMap, zone: &mut Zone, request: &Request) -> Option<u32> {
    let start = request.migratetype;
    let (order, mt) = (request.order..=MAX_ORDER).find_map(|o| Some((o, find_fallback(zone, o, start)?)))?;
    let i = zone.first_free(order, mt)?;
    del_and_expand(map, zone, i, request.order, order, mt, mt);
    zone.counters.count_extfrag(request.order, order, start, mt, false, zone.pageblock_order);
    Some(i)
}
