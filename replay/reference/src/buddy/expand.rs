//! Taking a free block off its list and splitting it.

use crate::{
    page::{Migratetype, list::End, mem_map::MemMap, tag::Tag},
    zone::mmzone::Zone,
};

/// `__rmqueue_smallest`: takes the head of the smallest non-empty list of this type and splits it down to `order`. The
/// caller sets the block's tag.
#[inline]
pub(crate) fn rmqueue_smallest(map: &mut MemMap, zone: &mut Zone, order: u8, mt: Migratetype) -> Option<u32> {
    let from = zone.smallest_order(order, mt)?;
    let i = zone.unlink_first(map, zone.free_tag(from, mt))?;
    expand(map, zone, i, order, from, mt);
    zone.account(mt, -(1 << order));
    Some(i)
}

/// Takes a free block of order `from` off the list of type `listed` and splits it down to `order`, with the rest on the
/// lists of type `rest` (`page_del_and_expand`). The caller sets the block's tag.
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

/// `expand`: puts the upper halves, largest first, at the heads of their lists, and leaves the lowest part for the
/// caller. The count of free pages is up to the caller too.
#[inline]
fn expand(map: &mut MemMap, zone: &mut Zone, i: u32, low: u8, high: u8, mt: Migratetype) {
    for order in (low..high).rev() {
        zone.link(map, i + (1 << order), zone.free_tag(order, mt), End::Head);
    }
}

/// Splits a free block around one part of it and removes that part. The rest stays free on the lists of the same type.
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
