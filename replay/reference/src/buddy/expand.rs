//! A free block leaves its list and is split.

use crate::{
    page::{Migratetype, list::End, mem_map::MemMap, tag::Tag},
    zone::mmzone::Zone,
};

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
