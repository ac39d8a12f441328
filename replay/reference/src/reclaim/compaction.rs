//! Compaction, as `mm/compaction.c` does it: movable pages from the low end of a zone are moved to free pages at its
//! high end, until a block of the requested order has formed or the two scanners meet.
//!
//! A request compacts for its order ([`PageAllocator::compact_zone`]). A write to `/proc/sys/vm/compact_memory`
//! compacts whole zones ([`PageAllocator::compact_whole_zone`]).

use alloc::vec::Vec;
use core::ops::Range;

use crate::{
    COSTLY_ORDER, Cpu, FreeBlocks, Migratetype, Order, PageAllocator, Pfn, ZoneId, machine::MAX_ORDER,
    page::tag::BlockState, zone::mmzone::Zone,
};

/// `extfrag_threshold`: the fragmentation index up to which a costly order is taken to fail for lack of memory rather
/// than for fragmentation.
const EXTFRAG_THRESHOLD: i64 = 500;

/// The scanner for free pages, which goes down pageblock by pageblock, and up inside each pageblock.
struct FreeScanner {
    /// The first frame of the pageblock that the scanner is in.
    pageblock: u64,
    at: u64,
}

impl PageAllocator {
    /// `compact_zone`, as direct compaction calls it. Returns the old and the new first frame of each block that it
    /// moved, in order, so that the blocks' owners can follow.
    pub fn compact_zone(&mut self, zone: ZoneId, order: Order) -> Vec<(Pfn, Pfn)> {
        if self.compaction_suitable(zone, order) { self.compact(zone, Some(order)) } else { Vec::new() }
    }

    /// `compact_zone`, as `compact_node` calls it for `compact_memory`: for no order (`-1`), so that it ends only when
    /// the scanners meet, and synchronously, so that it takes movable pages out of every pageblock. Returns the old and
    /// the new first frame of each block that it moved, in order.
    pub fn compact_whole_zone(&mut self, zone: ZoneId) -> Vec<(Pfn, Pfn)> {
        self.compact(zone, None)
    }

    fn compact(&mut self, zone: ZoneId, order: Option<Order>) -> Vec<(Pfn, Pfn)> {
        let mut moves = Vec::new();
        let Zone { start, end, pageblock_order, .. } = self.zones[usize::from(zone.0)];
        let past_the_last = end.next_multiple_of(1 << pageblock_order);
        let mut free = FreeScanner { pageblock: past_the_last, at: past_the_last };
        // The scanner migrates as many pages at a time as could form such a block, but not from two pageblocks.
        let step = 1 << order.map_or(pageblock_order, |order| order.0.min(pageblock_order));
        let has_formed =
            |mm: &Self| order.is_some_and(|order| mm.zones[usize::from(zone.0)].has_ordinary_block(order.0));
        let mut migrate = start / step * step;
        while migrate < free.pageblock && !has_formed(self) {
            let before = moves.len();
            self.isolate_migratepages(zone, migrate.max(start)..migrate + step, order, &mut free, &mut moves);
            if moves.len() > before {
                // The frames that were emptied are on per-CPU lists, where they cannot merge.
                self.drain_all();
            }
            migrate += step;
        }
        moves
    }

    /// `compaction_suitable`: returns whether there is no such block yet, enough pages are free for the copies, and,
    /// for a costly order, the request lacks contiguous memory and not free memory.
    fn compaction_suitable(&self, zone: ZoneId, order: Order) -> bool {
        if order.0 == 0 || order.0 > MAX_ORDER {
            return false;
        }
        let z = &self.zones[usize::from(zone.0)];
        let costly = order.0 > COSTLY_ORDER;
        let gap = 2 << order.0;
        let index = FreeBlocks(self.free_blocks(zone)).extfrag_index(order.0);
        index >= 0
            && z.nr_free > gap + if costly { z.marks.low } else { z.marks.min }
            && (!costly || index > EXTFRAG_THRESHOLD)
    }

    /// Moves the movable blocks out of a range of frames in one pageblock; with an order, only the blocks below it.
    fn isolate_migratepages(
        &mut self,
        zone: ZoneId,
        pfns: Range<u64>,
        order: Option<Order>,
        free: &mut FreeScanner,
        moves: &mut Vec<(Pfn, Pfn)>,
    ) {
        let z = &self.zones[usize::from(zone.0)];
        let (_, pageblock_end) = z.pageblock_range(pfns.start);
        let end = pfns.end.min(pageblock_end);
        // `suitable_migration_source`: a request compacts asynchronously at first and skips pageblocks where compaction
        // would have little effect.
        if order.is_some() && !takes_part(z, pfns.start) {
            return;
        }
        let below = order.map_or(z.pageblock_order, |order| order.0);
        let mut at = pfns.start;
        while at < end {
            let tag = self.map.tag(self.map.index(at));
            let pages = 1 << tag.order();
            if tag.state() == BlockState::Allocated && tag.migratetype() == Migratetype::Movable && tag.order() < below
            {
                let Some(to) = self.isolate_freepages(zone, free, tag.order(), pageblock_end) else { return };
                // A block that others hold references to, or that belongs to another allocator, stays where it is.
                moves.extend(self.migrate(Pfn(at), to, Cpu(0)).map(|to| (Pfn(at), to)));
            }
            at += if tag.is_none() { 1 } else { pages };
        }
    }

    /// Returns the next free place for a block of this order above `limit`, which is the position of the other scanner.
    /// Free pageblocks are left whole.
    fn isolate_freepages(&self, zone: ZoneId, free: &mut FreeScanner, order: u8, limit: u64) -> Option<Pfn> {
        let z = &self.zones[usize::from(zone.0)];
        loop {
            let (_, end) = z.pageblock_range(free.pageblock);
            while free.at < end {
                let tag = self.map.tag(self.map.index(free.at));
                if tag.state() == BlockState::Buddy && (order..z.pageblock_order).contains(&tag.order()) {
                    return Some(Pfn(free.at));
                }
                free.at += if tag.is_none() { 1 } else { 1 << tag.order() };
            }
            let next = free.pageblock.checked_sub(z.pageblock_pages()).filter(|next| *next >= limit)?;
            *free = FreeScanner { pageblock: next, at: next.max(z.start) };
            if !takes_part(z, free.at) {
                free.at = next + z.pageblock_pages();
            }
        }
    }
}

/// `is_migrate_movable`: returns whether a pageblock takes part in compaction. Only pageblocks of movable pages do,
/// because movable pages in others would be in the way of unmovable ones.
fn takes_part(zone: &Zone, pfn: u64) -> bool {
    matches!(zone.pageblock_type(pfn), Migratetype::Movable | Migratetype::Cma)
}
