//! Freeing a block into the buddy system, and merging it with its buddy.

use crate::{
    machine::{MAX_ORDER, Rules},
    page::{Migratetype, list::End, mem_map::MemMap, tag::Tag},
    zone::mmzone::Zone,
};

/// `__free_one_page`: merges the block with its buddy as often as possible and puts the result on the list of `mt`. The
/// block's tag is overwritten, whatever it was.
#[expect(clippy::inline_always, reason = "per-CPU lists give back thousands of blocks in a row, all of one order")]
#[inline(always)]
pub(crate) fn free_one_page(rules: &Rules, map: &mut MemMap, zone: &mut Zone, start: u32, order: u8, mt: Migratetype) {
    // The pages of the buddies are in the count already.
    zone.account(mt, 1 << order);
    let (mut i, mut free) = (start, zone.free_tag(order, mt));
    // Most blocks have no free buddy and so need no merge.
    if has_free_buddy(map, i, free) {
        (i, free) = merge(rules, map, zone, i, free, mt);
    }
    let end = if rules.tail_when_merge_likely && buddy_merge_likely(map, i, free) { End::Tail } else { End::Head };
    zone.link(map, i, free, end);
}

/// Returns whether a block that would carry this tag has a free buddy of its order to merge with.
#[inline]
fn has_free_buddy(map: &MemMap, i: u32, free: Tag) -> bool {
    free.order() < MAX_ORDER && map.tag(i ^ 1 << free.order()).is_but_for_type(free)
}

/// Merges a block with its buddy, the result with its own buddy, and so on. Returns the last result and the tag that it
/// is to carry; the caller sets the tag.
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
            // From now on the pages of the buddy count as free pages of the freed block's type.
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

/// Returns whether a block of whole pageblocks may merge with its buddy: both must be of one type, or of types that
/// merge. In 6.10 and later the buddy's pageblocks then change to type `mt`.
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

/// `buddy_merge_likely`: returns whether the next merge is near, because the block one order up has a free buddy
/// already. Such a block goes to the tail of its list, so that it stays free longer and the merge becomes more likely.
#[inline]
fn buddy_merge_likely(map: &MemMap, i: u32, free: Tag) -> bool {
    let order = free.order();
    if order >= MAX_ORDER - 1 {
        return false;
    }
    has_free_buddy(map, i & !(1 << order), free.one_order_up())
}

/// Frees a block by the rules of its generation: since 6.10 a block larger than a pageblock is freed pageblock by
/// pageblock, each under its own type (`split_large_buddy`); before, in one piece under the type of the first
/// pageblock.
pub(crate) fn free_by_pageblock(rules: &Rules, map: &mut MemMap, zone: &mut Zone, i: u32, order: u8) {
    let piece = if rules.keeps_lists_pure() { order.min(zone.pageblock_order) } else { order };
    for k in 0..1 << (order - piece) {
        let at = i + (k << piece);
        let mt = zone.pageblock_type(map.pfn(at));
        free_one_page(rules, map, zone, at, piece, mt);
    }
}
