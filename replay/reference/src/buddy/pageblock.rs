//! Operations on all pages of a pageblock.

use crate::{
    page::{Migratetype, mem_map::MemMap, tag::BlockState},
    zone::mmzone::Zone,
};

/// The number of free pages and of movable pages in a pageblock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct BlockCensus {
    pub(crate) free: u64,
    pub(crate) movable: u64,
}

/// Counts a pageblock's pages as `move_freepages_block` does, for which pages on per-CPU lists are neither free nor
/// movable. A page counts as movable if it was requested as movable. A page held since before the model began has the
/// type of its pageblock.
pub(crate) fn census(map: &MemMap, zone: &Zone, pfn: u64) -> BlockCensus {
    use crate::page::tag::BlockState::{Allocated, Buddy, None, Pcp};
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

/// `move_freepages_block`: puts every free block of a pageblock on the list of another type. Returns the number of
/// pages that moved.
pub(crate) fn move_freepages_block(map: &mut MemMap, zone: &mut Zone, pfn: u64, to: Migratetype) -> u64 {
    let (start, end) = zone.pageblock_range(pfn);
    let mut moved = 0;
    let mut at = start;
    while at < end {
        let i = map.index(at);
        let tag = map.tag(i);
        if tag.state() == BlockState::Buddy {
            zone.move_to_free_list(map, i, tag.order(), tag.migratetype(), to);
            moved += 1 << tag.order();
        }
        at += if tag.is_none() { 1 } else { 1 << tag.order() };
    }
    moved
}
