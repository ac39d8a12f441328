//! Setting the state of a real machine in an allocator whose memory is all held.

use super::allocator::PageAllocator;
use crate::{
    Cpu, Migratetype, Misuse, Order, PcpRule, PcpSizes, Pfn, Watermarks, ZONE_TYPES, ZoneId,
    machine::MAX_ORDER,
    page::{
        list::End,
        tag::{BlockState, Tag},
    },
    pcp,
};

impl PageAllocator {
    /// Sets a zone's marks to the values of a machine, instead of those of the formulas.
    pub fn set_watermarks(&mut self, zone: ZoneId, marks: Watermarks) {
        let zone = &mut self.zones[usize::from(zone.0)];
        zone.marks = marks;
        zone.note_reserve();
    }

    /// Sets a zone's `lowmem_reserve` (`protection` in `/proc/zoneinfo`) in pages, by zone type.
    pub fn set_lowmem_reserve(&mut self, zone: ZoneId, reserve: [u64; ZONE_TYPES]) {
        let zone = &mut self.zones[usize::from(zone.0)];
        zone.lowmem_reserve = reserve;
        zone.note_reserve();
    }

    /// Sets the sizes of a zone's per-CPU lists.
    pub fn set_pcp_sizes(&mut self, zone: ZoneId, sizes: PcpSizes) {
        for pcp in &mut self.zones[usize::from(zone.0)].pcp {
            pcp.set_sizes(&self.config.rules, sizes);
        }
    }

    /// Sets the current limit of one CPU's lists in pages (6.7 and later, where it moves with the load).
    pub fn seed_pcp_high(&mut self, zone: ZoneId, cpu: Cpu, high: u32) {
        let rules = &self.config.rules;
        if rules.per_cpu_lists
            && rules.pcp == PcpRule::AutoHigh
            && let Some(pcp) = self.zones[usize::from(zone.0)].pcp.get_mut(usize::from(cpu.0))
        {
            // The limit stays 0 until the lists are used for the first time.
            pcp.high = if high == 0 { 0 } else { pcp.within_bounds(high) };
        }
    }

    /// Sets the type of the pageblock that a frame lies in. It must be called before blocks are seeded there, because
    /// free blocks are not moved.
    ///
    /// # Errors
    /// When the frame lies in no zone.
    pub fn seed_pageblock(&mut self, pfn: Pfn, mt: Migratetype) -> Result<(), Misuse> {
        let zone = self.zone_of(pfn).ok_or(Misuse::NotAFrame(pfn))?;
        self.zones[usize::from(zone.0)].set_pageblock_type(pfn.0, mt);
        Ok(())
    }

    /// Returns whether a whole aligned block lies in one zone and none of its frames is free, on a per-CPU list or
    /// allocated by the model.
    pub fn is_held(&self, pfn: Pfn, order: Order) -> bool {
        if order.0 > MAX_ORDER || pfn.0 & (order.pages() - 1) != 0 {
            return false;
        }
        let Some(zone) = self.zone_of(pfn) else { return false };
        let end = pfn.0 + order.pages();
        end <= self.zones[usize::from(zone.0)].end
            && self.block_of(pfn.0).is_none()
            && (pfn.0 + 1..end).all(|p| self.map.tag(self.map.index(p)).is_none())
    }

    /// Puts a free block on the tail of the list of `mt`, to build a machine's initial state. The block does not merge
    /// with its buddy, because the blocks of a real machine have merged already.
    ///
    /// # Errors
    /// When a frame of the block is not held memory, or the block is not aligned to its order.
    pub fn seed_free_block(&mut self, pfn: Pfn, order: Order, mt: Migratetype) -> Result<(), Misuse> {
        if !self.is_held(pfn, order) {
            return Err(self.misuse_of_free(pfn, order));
        }
        let Some(zone) = self.zone_of(pfn) else { return Err(Misuse::NotAFrame(pfn)) };
        let i = self.map.index(pfn.0);
        self.zones[usize::from(zone.0)].add_to_free_list(&mut self.map, i, order.0, mt, End::Tail);
        Ok(())
    }

    /// Puts one block on the tail of a CPU's list.
    ///
    /// # Errors
    /// When a frame of the block is not held memory, the block is not aligned to its order, or blocks of this order are
    /// not cached.
    pub fn seed_pcp_block(&mut self, pfn: Pfn, order: Order, mt: Migratetype, cpu: Cpu) -> Result<(), Misuse> {
        if !self.is_held(pfn, order) || !pcp::allows(&self.config.rules, order.0) {
            return Err(self.misuse_of_free(pfn, order));
        }
        let Some(zone) = self.zone_of(pfn) else { return Err(Misuse::NotAFrame(pfn)) };
        let i = self.map.index(pfn.0);
        let zone = &mut self.zones[usize::from(zone.0)];
        pcp::seed(&self.config.rules, &mut self.map, zone, usize::from(cpu.0), i, order.0, mt);
        Ok(())
    }

    /// Marks held memory as an allocated block of known order and type, whose allocation was not seen.
    ///
    /// # Errors
    /// When a frame of the block is not held memory, or the block is not aligned to its order.
    pub fn seed_allocated(&mut self, pfn: Pfn, order: Order, mt: Migratetype) -> Result<(), Misuse> {
        if !self.is_held(pfn, order) {
            return Err(self.misuse_of_free(pfn, order));
        }
        let Some(zone) = self.zone_of(pfn) else { return Err(Misuse::NotAFrame(pfn)) };
        let i = self.map.index(pfn.0);
        self.map.hand_out(i, Tag::new(BlockState::Allocated, order.0, mt, zone.0));
        self.zones[usize::from(zone.0)].adopted += order.pages().cast_signed();
        Ok(())
    }

    /// Frees memory that was in use before the model began.
    ///
    /// # Errors
    /// When a frame of the block is not held memory, or the block is not aligned to its order.
    pub fn free_held(&mut self, pfn: Pfn, order: Order, cpu: Cpu) -> Result<(), Misuse> {
        if !self.is_held(pfn, order) {
            return Err(self.misuse_of_free(pfn, order));
        }
        let Some(zone) = self.zone_of(pfn) else { return Err(Misuse::NotAFrame(pfn)) };
        let i = self.map.index(pfn.0);
        self.zones[usize::from(zone.0)].adopted += order.pages().cast_signed();
        self.free_block(usize::from(zone.0), i, order.0, cpu);
        Ok(())
    }
}
