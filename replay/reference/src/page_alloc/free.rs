//! Freeing a block, to a per-CPU list or into the buddy system.

use super::allocator::PageAllocator;
use crate::{
    Cpu, FrameState, Migratetype, Misuse, Order, PageFlags, PcpRule, Pfn, buddy::free_one_page::free_by_pageblock, pcp,
};

/// The flag bits of frames whose owner has a free function of its own.
const OWNED: u16 = PageFlags::SLAB.bits() | PageFlags::VMALLOC.bits();

impl PageAllocator {
    /// `__free_pages`: frees a block.
    ///
    /// # Errors
    /// When the frame is not the start of a block allocated with this order, or others still use it; nothing has
    /// changed then.
    #[expect(clippy::inline_always, reason = "a call would cost a fifth of what it does")]
    #[inline(always)]
    pub fn free_pages(&mut self, pfn: Pfn, order: Order, cpu: Cpu) -> Result<(), Misuse> {
        if self.free_fast(pfn, order, cpu) { Ok(()) } else { self.free_checked(pfn, order, cpu) }
    }

    #[inline(never)]
    fn free_checked(&mut self, pfn: Pfn, order: Order, cpu: Cpu) -> Result<(), Misuse> {
        let Some(i) = self.map.find(pfn.0) else { return Err(Misuse::NotAFrame(pfn)) };
        let tag = self.map.tag(i);
        // Most owners leave no notes; the notes then need not be read.
        if !tag.is_plain_allocation_of(order.0) {
            if !tag.is_allocated_of(order.0) || self.map.flags(i) & OWNED != 0 || self.is_still_used(i) {
                return Err(self.misuse_of_free(pfn, order));
            }
            self.map.drop_notes(i);
        }
        self.free_block(usize::from(tag.zone()), i, order.0, cpu);
        Ok(())
    }

    /// Puts a block that is no longer allocated on a per-CPU list or back into the buddy system.
    pub(crate) fn free_block(&mut self, z: usize, i: u32, order: u8, cpu: Cpu) {
        let rules = &self.config.rules;
        let zone = &mut self.zones[z];
        zone.counters.freed += 1 << order;
        self.counters.frees += 1;
        let block_type = zone.pageblock_type(self.map.pfn(i));
        if pcp::allows(rules, order) && block_type != Migratetype::Isolate {
            let cpu = usize::from(cpu.0) % zone.pcp.len();
            pcp::free_to_pcp(rules, &mut self.map, zone, cpu, i, order, block_type);
        } else {
            zone.counters.lock_taken += 1;
            free_by_pageblock(rules, &mut self.map, zone, i, order);
        }
    }

    /// `drain_all_pages`: gives all pages on per-CPU lists back to the buddy system.
    pub fn drain_all(&mut self) {
        for z in 0..self.zones.len() {
            for cpu in 0..self.zones[z].pcp.len() {
                let count = self.zones[z].pcp[cpu].count;
                if count > 0 {
                    pcp::drain(&self.config.rules, &mut self.map, &mut self.zones[z], cpu, count, 0);
                }
            }
        }
    }

    /// Does the work of the vmstat worker, which runs about once a second: lowers the limits of the per-CPU lists (6.7
    /// and later).
    pub fn vmstat_tick(&mut self) {
        if self.config.rules.pcp != PcpRule::AutoHigh {
            return;
        }
        for zone in &mut self.zones {
            for cpu in 0..zone.pcp.len() {
                let surplus = zone.pcp[cpu].decay();
                if surplus > 0 {
                    pcp::drain(&self.config.rules, &mut self.map, zone, cpu, surplus, 0);
                }
            }
        }
    }

    /// Returns the reason why [`PageAllocator::free_pages`] refuses a free.
    #[cold]
    pub(crate) fn misuse_of_free(&self, pfn: Pfn, given: Order) -> Misuse {
        let seen_before = |head: Pfn| {
            let used = |p: Pfn| self.map.ever_allocated(self.map.index(p.0));
            if used(pfn) || used(head) { Misuse::DoubleFree(pfn) } else { Misuse::NeverAllocated(pfn) }
        };
        match self.frame(pfn) {
            FrameState::Absent => Misuse::NotAFrame(pfn),
            FrameState::Held => Misuse::NeverAllocated(pfn),
            FrameState::Free { head, .. } => seen_before(head),
            FrameState::Pcp { .. } => Misuse::DoubleFree(pfn),
            FrameState::Allocated { head, order, .. } if head != pfn => Misuse::NotHead { pfn, head, order },
            FrameState::Allocated { order, .. } => {
                let flags = PageFlags(self.map.flags(self.map.index(pfn.0)));
                if flags.contains(PageFlags::SLAB) {
                    Misuse::FromSlab(pfn)
                } else if flags.contains(PageFlags::VMALLOC) {
                    Misuse::FromVmalloc(pfn)
                } else if order != given {
                    Misuse::WrongOrder { pfn, allocated: order, given }
                } else {
                    Misuse::StillReferenced(pfn)
                }
            }
        }
    }
}
