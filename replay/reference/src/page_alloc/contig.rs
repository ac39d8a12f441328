//! Memory taken out of ordinary allocation: contiguous memory areas, isolated pageblocks, and the blocks that migration
//! moves.

use super::allocator::PageAllocator;
use crate::{
    AllocError, Cpu, FrameState, Migratetype, Misuse, Order, Pfn,
    buddy::{expand::take_out, free_one_page::free_one_page, pageblock::move_freepages_block},
    page::tag::{BlockState, Tag},
};

impl PageAllocator {
    /// `init_cma_reserved_pageblock`: reserves free pageblocks for contiguous allocation. Until they are used for it,
    /// movable requests may borrow them.
    ///
    /// # Errors
    /// When the range is not made of whole, wholly free pageblocks.
    pub fn reserve_cma(&mut self, start: Pfn, pages: u64) -> Result<(), Misuse> {
        self.retype_free_range(start, pages, Migratetype::Cma)
    }

    /// Changes the type of the free pageblocks of a range.
    fn retype_free_range(&mut self, start: Pfn, pages: u64, to: Migratetype) -> Result<(), Misuse> {
        let zone = self.zone_of(start).ok_or(Misuse::NotAFrame(start))?;
        let block = self.zones[usize::from(zone.0)].pageblock_pages();
        if !start.0.is_multiple_of(block) || !pages.is_multiple_of(block) {
            return Err(Misuse::NotHead {
                pfn: start,
                head: Pfn(start.0 / block * block),
                order: Order(self.config.rules.pageblock_order),
            });
        }
        let mut at = start.0;
        while at < start.0 + pages {
            let FrameState::Free { head, order, .. } = self.frame(Pfn(at)) else {
                return Err(Misuse::NotAllocated(Pfn(at)));
            };
            at = head.0 + order.pages();
        }
        for k in 0..pages / block {
            self.retype_pageblock(start.0 + k * block, to);
        }
        Ok(())
    }

    /// Changes a pageblock's type and moves its free pages to the lists of that type. A free block that extends beyond
    /// the pageblock is split.
    fn retype_pageblock(&mut self, pfn: u64, to: Migratetype) {
        let Some((head, tag)) = self.block_of(pfn) else { return };
        let zone = &mut self.zones[usize::from(tag.zone())];
        let order = zone.pageblock_order;
        if tag.state() == BlockState::Buddy && tag.order() >= order {
            // The whole pageblock is free, so it is taken out of its block, changes its type, and merges with
            // neighbours of that type.
            take_out(&mut self.map, zone, head, tag, pfn, order);
            zone.set_pageblock_type(pfn, to);
            let i = self.map.index(pfn);
            free_one_page(&self.config.rules, &mut self.map, zone, i, order, to);
        } else {
            zone.set_pageblock_type(pfn, to);
            move_freepages_block(&mut self.map, zone, pfn, to);
        }
    }

    /// `set_migratetype_isolate`: removes the free pages of a pageblock from the count of free pages, and those that
    /// are freed later too.
    ///
    /// # Errors
    /// When the frame lies in no zone.
    pub fn isolate_pageblock(&mut self, pfn: Pfn) -> Result<(), Misuse> {
        self.zone_of(pfn).ok_or(Misuse::NotAFrame(pfn))?;
        self.drain_all();
        let block = pfn.0 >> self.config.rules.pageblock_order << self.config.rules.pageblock_order;
        self.retype_any(block, Migratetype::Isolate);
        Ok(())
    }

    /// `unset_migratetype_isolate`: makes a pageblock ordinary again, with the given type, and merges its free pages
    /// with their neighbours.
    ///
    /// # Errors
    /// When the frame lies in no zone.
    pub fn unisolate_pageblock(&mut self, pfn: Pfn, to: Migratetype) -> Result<(), Misuse> {
        self.zone_of(pfn).ok_or(Misuse::NotAFrame(pfn))?;
        let block = pfn.0 >> self.config.rules.pageblock_order << self.config.rules.pageblock_order;
        self.retype_any(block, to);
        Ok(())
    }

    fn retype_any(&mut self, block: u64, to: Migratetype) {
        if self.block_of(block).is_some() {
            self.retype_pageblock(block, to);
            return;
        }
        let Some(zone) = self.zone_of(Pfn(block)) else { return };
        let zone = &mut self.zones[usize::from(zone.0)];
        zone.set_pageblock_type(block, to);
        move_freepages_block(&mut self.map, zone, block, to);
    }

    /// `alloc_contig_range`: isolates the pageblocks and takes the frames, if all are free. The caller must first
    /// migrate the pages that are in the way. The frames become order-0 allocations.
    ///
    /// # Errors
    /// [`AllocError::Fragmented`] when a frame is in use: everything is as before then.
    pub fn alloc_contig_range(&mut self, start: Pfn, pages: u64) -> Result<(), AllocError> {
        self.drain_all();
        let free = |p| matches!(self.frame(Pfn(p)), FrameState::Free { .. });
        if !(start.0..start.0 + pages).all(free) {
            return Err(AllocError::Fragmented);
        }
        for p in start.0..start.0 + pages {
            let taken = self.take_free_block(Pfn(p), Order::ZERO, Migratetype::Movable);
            debug_assert_eq!(taken, Ok(()), "seen to be free");
        }
        Ok(())
    }

    /// `free_contig_range`: frees frames that [`Self::alloc_contig_range`] took.
    ///
    /// # Errors
    /// When a frame is not an order-0 allocation; those before it are free then.
    pub fn free_contig_range(&mut self, start: Pfn, pages: u64, cpu: Cpu) -> Result<(), Misuse> {
        (start.0..start.0 + pages).try_for_each(|p| self.free_pages(Pfn(p), Order::ZERO, cpu))
    }

    /// Moves an allocated block to another place, with the fields that its owner has set in its `struct page`, as
    /// migration and compaction do. Returns the new first frame.
    ///
    /// # Errors
    /// When the source is not the start of an allocated block or is pinned by further references, or the destination is
    /// not free.
    pub fn migrate(&mut self, from: Pfn, to: Pfn, cpu: Cpu) -> Result<Pfn, Misuse> {
        let i = self.callers_own(from)?;
        if self.map.count(i) > 1 {
            return Err(Misuse::StillReferenced(from));
        }
        let tag = self.map.tag(i);
        self.take_free_block(to, Order(tag.order()), tag.migratetype())?;
        self.map.move_notes(i, self.map.index(to.0));
        self.free_pages(from, Order(tag.order()), cpu)?;
        Ok(to)
    }

    /// `__isolate_free_page`: takes a free block out of the buddy system, splitting a larger one if necessary. The
    /// block becomes an allocated one. Compaction and the replay of a real machine use it.
    ///
    /// # Errors
    /// When the frames are not all free in one block.
    pub fn take_free_block(&mut self, pfn: Pfn, order: Order, mt: Migratetype) -> Result<(), Misuse> {
        let Some((head, tag)) = self.block_of(pfn.0) else { return Err(Misuse::NotAFrame(pfn)) };
        if tag.state() != BlockState::Buddy || tag.order() < order.0 || pfn.0 & (order.pages() - 1) != 0 {
            return Err(Misuse::NotAllocated(pfn));
        }
        let zone = &mut self.zones[usize::from(tag.zone())];
        take_out(&mut self.map, zone, head, tag, pfn.0, order.0);
        let i = self.map.index(pfn.0);
        self.map.hand_out(i, Tag::new(BlockState::Allocated, order.0, mt, tag.zone()));
        zone.counters.allocated += order.pages();
        Ok(())
    }
}
