//! Short paths for blocks that are cached per CPU: an allocation from this CPU's list while its zone has plenty, and a
//! free onto the list while the list has room. Nearly all requests and frees take them. They skip the checks that
//! cannot fail there and have exactly the effect of the general paths; where they cannot decide, they leave the work to
//! the general path.

use super::allocator::PageAllocator;
use crate::{
    COSTLY_ORDER, Cpu, Gfp, NodeId, Order, Pfn,
    page::{
        PCP_TYPES,
        tag::{BlockState, Tag},
    },
    pcp::list_index,
    zone::per_cpu_pages::PerCpuPages,
};

impl PageAllocator {
    /// Allocates a block by the short path, or returns `None` if the general path must be taken.
    #[expect(clippy::inline_always, reason = "a call would cost a fifth of what it does")]
    #[inline(always)]
    pub(super) fn alloc_fast(&mut self, gfp: Gfp, order: Order, cpu: Cpu, node: NodeId) -> Option<Pfn> {
        if order.0 == 0 { self.pop(gfp, Order::ZERO, cpu, node) } else { self.pop_block(gfp, order, cpu, node) }
    }

    /// Frees a block by the short path, or returns `false` if the general path must be taken.
    #[expect(clippy::inline_always, reason = "a call would cost a fifth of what it does")]
    #[inline(always)]
    pub(super) fn free_fast(&mut self, pfn: Pfn, order: Order, cpu: Cpu) -> bool {
        if order.0 == 0 { self.push(pfn, Order::ZERO, cpu) } else { self.push_block(pfn, order, cpu) }
    }

    #[inline(never)]
    fn pop_block(&mut self, gfp: Gfp, order: Order, cpu: Cpu, node: NodeId) -> Option<Pfn> {
        if self.routes.caches(order) { self.pop(gfp, order, cpu, node) } else { None }
    }

    #[inline(never)]
    fn push_block(&mut self, pfn: Pfn, order: Order, cpu: Cpu) -> bool {
        self.routes.caches(order) && self.push(pfn, order, cpu)
    }

    /// Pops a block from this CPU's list, if the preferred zone is above its high mark for any request. Where lists are
    /// not used, they are empty.
    #[expect(
        clippy::inline_always,
        reason = "for single pages, most of all requests, the questions about the order are then answered at compile time"
    )]
    #[inline(always)]
    fn pop(&mut self, gfp: Gfp, order: Order, cpu: Cpu, node: NodeId) -> Option<Pfn> {
        let route = (*self.routes.by_bits.get(usize::from(node.0))?)[(gfp.0 & 0x1f) as usize]?;
        let zone = self.zones.get_mut(usize::from(route.zone))?;
        if !zone.has_plenty(usize::from(route.highest), order.pages())
            || order.0 > 0 && !zone.has_ordinary_block(order.0)
        {
            return None;
        }
        let pcp = zone.pcp.get_mut(usize::from(cpu.0))?;
        let i = pcp.lists[list_index(&self.config.rules, order.0, route.migratetype)].pop_head()?;
        pcp.count -= 1 << order.0;
        pcp.quick_allocs.0[usize::from(order.0)] += 1;
        pcp.freed_of_late >>= 1;
        self.map.hand_out(i, Tag::new(BlockState::Allocated, order.0, route.migratetype, route.zone));
        Some(Pfn(self.map.pfn(i)))
    }

    /// Pushes an allocated block on this CPU's list, if the list stays below its limit. Where lists are not used, the
    /// limit is 0.
    #[expect(
        clippy::inline_always,
        reason = "for single pages, most of all requests, the questions about the order are then answered at compile time"
    )]
    #[inline(always)]
    fn push(&mut self, pfn: Pfn, order: Order, cpu: Cpu) -> bool {
        let Some((i, slot)) = self.map.slot(pfn.0) else { return false };
        let tag = slot.tag();
        if !tag.is_plain_allocation_of(order.0) {
            return false;
        }
        let Some(zone) = self.zones.get_mut(usize::from(tag.zone())) else { return false };
        let mt = zone.pageblock_type(pfn.0);
        if mt.index() >= PCP_TYPES || zone.reclaim_active | zone.below_high {
            return false;
        }
        let Some(pcp) = zone.pcp.get_mut(usize::from(cpu.0)) else { return false };
        if !pcp.note_free_if_room(order.0) {
            return false;
        }
        pcp.quick_frees.0[usize::from(order.0)] += 1;
        pcp.lists[list_index(&self.config.rules, order.0, mt)].push_head(i);
        slot.take_back(Tag::new(BlockState::Pcp, order.0, mt, tag.zone()));
        true
    }
}

impl PerCpuPages {
    /// Counts one freed block, and returns `false` without counting it if pages would have to be given back.
    #[expect(
        clippy::inline_always,
        reason = "for single pages, most of all requests, the questions about the order are then answered at compile time"
    )]
    #[inline(always)]
    fn note_free_if_room(&mut self, order: u8) -> bool {
        let count = self.count + (1 << order);
        if count >= self.high {
            return false;
        }
        // In a run of frees of these orders, the general path decides whether the lists are emptied.
        if (1..=COSTLY_ORDER).contains(&order) && self.freed_of_late >= self.free_high_from {
            return false;
        }
        self.count = count;
        self.note_free(order);
        true
    }
}
