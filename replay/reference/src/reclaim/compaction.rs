//! Compaction, as `mm/compaction.c` does it: movable pages from the low end of a zone go to free pages at its high end,
//! until a block of the order that is wanted has formed or the two scanners meet.
//!
//! A request compacts for its order ([`PageAllocator::compact_zone`]); a write to `/proc/sys/vm/compact_memory`
//! compacts all there is ([`PageAllocator::compact_whole_zone`]).

use alloc::vec::Vec;
use core::ops::Range;

use crate::{
    COSTLY_ORDER, Cpu, FreeBlocks, Migratetype, Order, PageAllocator, Pfn, ZoneId, machine::MAX_ORDER,
    page::tag::BlockState, zone::mmzone::Zone,
};

/// `extfrag_threshold`: up to this index a costly order fails for lack of memory rather than for fragmentation.
const EXTFRAG_THRESHOLD: i64 = 500;

/// The scanner for free pages: it goes down pageblock by pageblock, and up in each.
struct FreeScanner {
    /// First frame of the pageblock it is in.
    pageblock: u64,
    at: u64,
}

impl PageAllocator {
    /// `compact_zone`, as direct compaction calls it. Returns the old and the new first frame of each block it moved,
    /// in order: their owners must follow.
    pub fn compact_zone(&mut self, zone: ZoneId, order: Order) -> Vec<(Pfn, Pfn)> {
        if self.compaction_suitable(zone, order) { self.compact(zone, Some(order)) } else { Vec::new() }
    }

    /// `compact_zone`, as `compact_node` calls it for `compact_memory`: for no order (`-1`), so nothing ends it before
    /// the scanners meet, and synchronously, so it takes movable pages out of every pageblock. Returns the same.
    pub fn compact_whole_zone(&mut self, zone: ZoneId) -> Vec<(Pfn, Pfn)> {
        self.compact(zone, None)
    }

    fn compact(&mut self, zone: ZoneId, order: Option<Order>) -> Vec<(Pfn, Pfn)> {
        let mut moves = Vec::new();
        let Zone { start, end, pageblock_order, .. } = self.zones[usize::from(zone.0)];
        let past_the_last = end.next_multiple_of(1 << pageblock_order);
        let mut free = FreeScanner { pageblock: past_the_last, at: past_the_last };
        // As much at a time as could become such a block, but not from two pageblocks.
        let step = 1 << order.map_or(pageblock_order, |order| order.0.min(pageblock_order));
        let has_formed =
            |mm: &Self| order.is_some_and(|order| mm.zones[usize::from(zone.0)].has_ordinary_block(order.0));
        let mut migrate = start / step * step;
        while migrate < free.pageblock && !has_formed(self) {
            let before = moves.len();
            self.isolate_migratepages(zone, migrate.max(start)..migrate + step, order, &mut free, &mut moves);
            if moves.len() > before {
                // What was moved away is on per-CPU lists, where it cannot merge.
                self.drain_all();
            }
            migrate += step;
        }
        moves
    }

    /// `compaction_suitable`: there is no such block yet, enough is free for the copies, and a costly order lacks not
    /// memory but order.
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

    /// Moves what can move out of some frames of one pageblock: for an order, what is smaller than it.
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
        // `suitable_migration_source`: a request, which compacts asynchronously at first, leaves pageblocks alone where
        // it would come to nothing.
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
                // A page that someone holds on to, or that has an allocator of its own, stays where it is.
                moves.extend(self.migrate(Pfn(at), to, Cpu(0)).map(|to| (Pfn(at), to)));
            }
            at += if tag.is_none() { 1 } else { pages };
        }
    }

    /// The next free place for a block of this order, above `limit`, where the other scanner is. Whole free pageblocks
    /// are left alone.
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

/// `is_migrate_movable`: pages go to pageblocks of movable pages only, since in others they would stand in the way of
/// what cannot move.
fn takes_part(zone: &Zone, pfn: u64) -> bool {
    matches!(zone.pageblock_type(pfn), Migratetype::Movable | Migratetype::Cma)
}
