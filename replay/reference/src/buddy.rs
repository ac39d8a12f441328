//! The binary buddy system: take the smallest block that fits and split it, merge a freed block with its buddy.

use crate::{
    Migratetype, Rules,
    ids::MAX_ORDER,
    list::End,
    mem_map::{MemMap, Tag},
    zone::Zone,
};

/// `__free_one_page`: merges the block with its buddy as often as it can and puts the result on the list of `mt`.
/// Whatever the block's tag says until then is overwritten.
#[expect(clippy::inline_always, reason = "per-CPU lists give back thousands of blocks in a row, all of one order")]
#[inline(always)]
pub(crate) fn free_one_page(rules: &Rules, map: &mut MemMap, zone: &mut Zone, start: u32, order: u8, mt: Migratetype) {
    // The pages of buddies are booked already.
    zone.account(mt, 1 << order);
    let (mut i, mut free) = (start, zone.free_tag(order, mt));
    // Most blocks have no free buddy, and are spared the rest.
    if has_free_buddy(map, i, free) {
        (i, free) = merge(rules, map, zone, i, free, mt);
    }
    let end = if rules.tail_when_merge_likely && buddy_merge_likely(map, i, free) { End::Tail } else { End::Head };
    zone.link(map, i, free, end);
}

/// Whether a block that would carry this tag has a buddy of its order to merge with.
#[inline]
fn has_free_buddy(map: &MemMap, i: u32, free: Tag) -> bool {
    free.order() < MAX_ORDER && map.tag(i ^ 1 << free.order()).is_but_for_type(free)
}

/// Merges a block with its buddy, the result with its own, and so on; returns the last, which has no tag yet, and the
/// tag it is to carry.
#[inline(never)]
fn merge(rules: &Rules, map: &mut MemMap, zone: &mut Zone, start: u32, free: Tag, mt: Migratetype) -> (u32, Tag) {
    let (mut i, mut free) = (start, free);
    while has_free_buddy(map, i, free) {
        let order = free.order();
        let buddy = i ^ 1 << order;
        if order >= zone.pageblock_order && !joins_pageblocks(rules, map, zone, buddy, order, mt) {
            break;
        }
        let tag = map.tag(buddy);
        if !tag.is(free) {
            // From now on its pages count as the freed block's type.
            zone.account(tag.migratetype(), -(1 << order));
            zone.account(mt, 1 << order);
        }
        zone.unlink(map, buddy, tag);
        map.clear_tag(buddy);
        i &= buddy;
        free = free.one_order_up();
    }
    map.clear_tag(start);
    (i, free)
}

/// Whether a block of whole pageblocks may merge with its buddy: if both are of one type, or of types that merge; the
/// buddy's pageblocks then take over the type (6.10+).
fn joins_pageblocks(rules: &Rules, map: &MemMap, zone: &mut Zone, buddy: u32, order: u8, mt: Migratetype) -> bool {
    let pfn = map.pfn(buddy);
    let theirs = zone.pageblock_type(pfn);
    if theirs != mt {
        if !mt.is_mergeable() || !theirs.is_mergeable() {
            return false;
        }
        if rules.keeps_lists_pure() {
            zone.change_pageblock_range(pfn, order, mt);
        }
    }
    true
}

/// Whether the next merge is near: the block one order up has a free buddy already. Such a block goes to the tail, to
/// give the merge time.
#[inline]
fn buddy_merge_likely(map: &MemMap, i: u32, free: Tag) -> bool {
    let order = free.order();
    if order >= MAX_ORDER - 1 {
        return false;
    }
    has_free_buddy(map, i & !(1 << order), free.one_order_up())
}

/// `__rmqueue_smallest`: the head of the smallest non-empty list of this type, split down to `order`. The caller gives
/// the block its tag.
#[inline]
pub(crate) fn rmqueue_smallest(map: &mut MemMap, zone: &mut Zone, order: u8, mt: Migratetype) -> Option<u32> {
    let from = zone.smallest_order(order, mt)?;
    let i = zone.unlink_first(map, zone.free_tag(from, mt))?;
    expand(map, zone, i, order, from, mt);
    zone.account(mt, -(1 << order));
    Some(i)
}

/// Takes a free block of order `from` off the list of type `listed` and splits it to `order`, leaving the rest on the
/// lists of type `rest`. The caller gives the block its tag.
pub(crate) fn del_and_expand(
    map: &mut MemMap,
    zone: &mut Zone,
    i: u32,
    order: u8,
    from: u8,
    listed: Migratetype,
    rest: Migratetype,
) {
    zone.unlink(map, i, zone.free_tag(from, listed));
    zone.account(listed, -(1 << from));
    expand(map, zone, i, order, from, rest);
    zone.account(rest, (1 << from) - (1 << order));
}

/// `expand`: gives the upper halves back, largest first, each at the head of its list; the lowest part is left for the
/// caller. Books nothing.
#[inline]
fn expand(map: &mut MemMap, zone: &mut Zone, i: u32, low: u8, high: u8, mt: Migratetype) {
    for order in (low..high).rev() {
        zone.link(map, i + (1 << order), zone.free_tag(order, mt), End::Head);
    }
}

/// Free and movable pages of a pageblock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct BlockCensus {
    pub(crate) free: u64,
    pub(crate) movable: u64,
}

/// Counts a pageblock's pages as `move_freepages_block` does. Per-CPU pages are neither free nor movable to it. A page
/// counts as movable if it was asked for as such; one held since before the model began has the type of its pageblock.
pub(crate) fn census(map: &MemMap, zone: &Zone, pfn: u64) -> BlockCensus {
    use crate::mem_map::BlockState::{Allocated, Buddy, None, Pcp};
    let (start, end) = zone.pageblock_range(pfn);
    let held_movable = zone.pageblock_type(pfn) == Migratetype::Movable;
    let mut census = BlockCensus { free: 0, movable: 0 };
    let mut at = start;
    while at < end {
        let tag = map.tag(map.index(at));
        let pages = (1 << tag.order()).min(end - at);
        match tag.state() {
            Buddy => census.free += pages,
            Allocated if tag.migratetype() == Migratetype::Movable => census.movable += pages,
            None if held_movable => census.movable += 1,
            Allocated | None | Pcp => {}
        }
        at += if tag.is_none() { 1 } else { pages };
    }
    census
}

/// `move_freepages_block`: puts every free block of a pageblock on the list of another type; returns how many pages
/// moved.
pub(crate) fn move_freepages_block(map: &mut MemMap, zone: &mut Zone, pfn: u64, to: Migratetype) -> u64 {
    use crate::mem_map::BlockState::Buddy;
    let (start, end) = zone.pageblock_range(pfn);
    let mut moved = 0;
    let mut at = start;
    while at < end {
        let i = map.index(at);
        let tag = map.tag(i);
        if tag.state() == Buddy {
            zone.move_to_free_list(map, i, tag.order(), tag.migratetype(), to);
            moved += 1 << tag.order();
        }
        at += if tag.is_none() { 1 } else { 1 << tag.order() };
    }
    moved
}

/// Frees a block the way its generation does: from 6.10 on, one larger than a pageblock goes back pageblock by
/// pageblock, each under its own type (`split_large_buddy`); before, in one piece under the first one's type.
pub(crate) fn free_by_pageblock(rules: &Rules, map: &mut MemMap, zone: &mut Zone, i: u32, order: u8) {
    let piece = if rules.keeps_lists_pure() { order.min(zone.pageblock_order) } else { order };
    for k in 0..1 << (order - piece) {
        let at = i + (k << piece);
        let mt = zone.pageblock_type(map.pfn(at));
        free_one_page(rules, map, zone, at, piece, mt);
    }
}

/// Splits a free block around one part of it and takes the part out; the rest stays free on the same type's lists.
pub(crate) fn take_out(map: &mut MemMap, zone: &mut Zone, head: u64, tag: Tag, part: u64, order: u8) {
    let mt = tag.migratetype();
    zone.del_from_free_list(map, map.index(head), tag.order(), mt);
    let mut at = head;
    for o in (order..tag.order()).rev() {
        let upper = at + (1 << o);
        let (keep, free) = if part >= upper { (upper, at) } else { (at, upper) };
        zone.add_to_free_list(map, map.index(free), o, mt, End::Head);
        at = keep;
    }
}
