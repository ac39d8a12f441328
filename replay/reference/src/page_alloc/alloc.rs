//! Allocating a block: reading the mask, walking the zonelist, and taking a block from the first zone that is above its
//! mark.

use super::{
    allocator::PageAllocator,
    pressure::{NoPressure, Pressure},
};
use crate::{
    AllocError, Cpu, Flags, Gfp, Migratetype, NodeId, Order, PcpRule, Pfn, Rules, ZoneId, ZoneType,
    buddy::{
        expand::rmqueue_smallest,
        highatomic,
        request::{Mode, Request},
        rmqueue::rmqueue,
    },
    gfp::{alloc_flags::AllocFlags, gfp_migratetype, gfp_zone},
    machine::MAX_ORDER,
    page::{
        mem_map::MemMap,
        tag::{BlockState, Tag},
    },
    pcp,
    zone::{
        mmzone::Zone,
        watermark_ok::{watermark_fast, watermark_ok},
    },
};

impl PageAllocator {
    /// `alloc_pages_node`: allocates 2^order contiguous frames and returns the first. Nothing can be reclaimed.
    ///
    /// # Errors
    /// When the mask is illegal, or no allowed zone can give a block.
    #[expect(clippy::inline_always, reason = "a call would cost a fifth of what it does")]
    #[inline(always)]
    pub fn alloc_pages(&mut self, gfp: Gfp, order: Order, cpu: Cpu, node: NodeId) -> Result<Pfn, AllocError> {
        self.alloc_pages_under(&mut NoPressure, gfp, order, cpu, node)
    }

    /// Allocates like [`Self::alloc_pages`], but `pressure` may give memory back when it runs low.
    ///
    /// # Errors
    /// When the mask is illegal, or no allowed zone can give a block even after reclaim.
    #[expect(clippy::inline_always, reason = "a call would cost a fifth of what it does")]
    #[inline(always)]
    pub fn alloc_pages_under<P: Pressure>(
        &mut self,
        pressure: &mut P,
        gfp: Gfp,
        order: Order,
        cpu: Cpu,
        node: NodeId,
    ) -> Result<Pfn, AllocError> {
        match self.alloc_fast(gfp, order, cpu, node) {
            Some(pfn) => Ok(pfn),
            None => self.alloc_by_mask(pressure, gfp, order, cpu, node),
        }
    }

    #[inline(never)]
    fn alloc_by_mask<P: Pressure>(
        &mut self,
        pressure: &mut P,
        gfp: Gfp,
        order: Order,
        cpu: Cpu,
        node: NodeId,
    ) -> Result<Pfn, AllocError> {
        self.alloc_by_flags(pressure, self.config.gfp.flags(gfp.0), order, cpu, node)
    }

    /// Allocates like [`Self::alloc_pages_under`], for a mask that has been translated into flags already.
    #[inline]
    pub(crate) fn alloc_by_flags<P: Pressure>(
        &mut self,
        pressure: &mut P,
        flags: Flags,
        order: Order,
        cpu: Cpu,
        node: NodeId,
    ) -> Result<Pfn, AllocError> {
        let mut request = self.prepare(flags, order, cpu, node)?;
        let found = match self.get_page_from_freelist(&mut request) {
            Some(found) => Ok(found),
            None => self.slowpath(pressure, &mut request),
        };
        match found {
            Ok((i, z)) => {
                let zone = &mut self.zones[usize::from(z)];
                if zone.counters.boosted {
                    zone.counters.boosted = false;
                    zone.note_reserve();
                    self.counters.kswapd_wakeups += 1;
                    pressure.kswapd(self, ZoneId(z));
                }
                self.counters.allocs += 1;
                Ok(Pfn(self.map.pfn(i)))
            }
            Err(e) => {
                self.counters.failures += 1;
                Err(e)
            }
        }
    }

    /// `prepare_alloc_pages`: derives the request from the flags.
    #[inline]
    fn prepare(&self, flags: Flags, order: Order, cpu: Cpu, node: NodeId) -> Result<Request, AllocError> {
        if order.0 > MAX_ORDER {
            return Err(AllocError::OrderTooLarge(order));
        }
        if usize::from(cpu.0) >= self.zones[0].pcp.len() || node.0 >= self.nodes {
            return Err(AllocError::NoSuchCpuOrNode);
        }
        let highest = gfp_zone(flags).map_err(AllocError::BadZoneBits)?;
        let migratetype = gfp_migratetype(flags).ok_or(AllocError::BadMobility)?;
        let migratetype = if self.config.rules.mobility_grouping { migratetype } else { Migratetype::Unmovable };
        let alloc = AllocFlags::fast(migratetype, flags);
        Ok(Request { order: order.0, migratetype, flags, alloc, highest, node, cpu: cpu.0 })
    }

    /// `get_page_from_freelist`: walks the zonelist, checks the mark of each zone, and takes a block from the first
    /// zone that has one. Returns the frame index and the zone.
    #[inline]
    pub(crate) fn get_page_from_freelist(&mut self, request: &mut Request) -> Option<(u32, u8)> {
        let preferred = self.zonelists.get(request.node.0, request.highest, 0)?;
        if request.alloc.mark() == AllocFlags::WMARK_LOW.0 && self.avoids_fragmentation(preferred) {
            request.alloc = request.alloc.with(AllocFlags::NOFRAGMENT);
        }
        loop {
            if let Some(found) = self.walk_zonelist(request, preferred) {
                return Some(found);
            }
            if !request.alloc.has(AllocFlags::NOFRAGMENT) {
                return None;
            }
            // Every zone would have to break a pageblock, so the request gives up avoiding this.
            request.alloc = request.alloc.without(AllocFlags::NOFRAGMENT);
        }
    }

    /// `alloc_flags_nofragment`: returns whether to avoid breaking pageblocks, which is useful only if there is a DMA32
    /// zone below that can serve the request instead.
    #[inline]
    fn avoids_fragmentation(&self, preferred: u8) -> bool {
        self.config.rules.nofragment && self.zones[usize::from(preferred)].kind == ZoneType::Normal && self.has_dma32
    }

    #[inline]
    fn walk_zonelist(&mut self, request: &mut Request, preferred: u8) -> Option<(u32, u8)> {
        let rules = self.config.rules;
        let mut position = 0;
        while let Some(z) = self.zonelists.get(request.node.0, request.highest, position) {
            position += 1;
            let zone = &mut self.zones[usize::from(z)];
            if zone.node != request.node {
                if request.flags.contains(Flags::THISNODE) {
                    break;
                }
                if z != preferred && request.alloc.has(AllocFlags::NOFRAGMENT) {
                    // A remote page costs more than a broken local pageblock, so the walk starts over without the flag.
                    request.alloc = request.alloc.without(AllocFlags::NOFRAGMENT);
                    position = 0;
                    continue;
                }
            }
            if !request.alloc.has(AllocFlags::NO_WATERMARKS) && !may_take_from(&rules, zone, request) {
                continue;
            }
            if let Some(i) = take(&rules, &mut self.map, zone, request) {
                return Some((i, z));
            }
        }
        None
    }
}

/// Returns whether a request may take a block from one zone: the mark check of `get_page_from_freelist`.
#[inline]
fn may_take_from(rules: &Rules, zone: &mut Zone, request: &Request) -> bool {
    let Request { order, highest, alloc, .. } = *request;
    if rules.pcp == PcpRule::AutoHigh && !zone.below_high {
        // Since 6.7 the high mark is checked too, so that per-CPU lists stop growing before memory is scarce.
        if watermark_fast(rules, zone, order, zone.marks.high + zone.boost, highest, alloc) {
            return true;
        }
        zone.below_high = true;
    }
    let mark = zone.marks.get(alloc.mark());
    if watermark_fast(rules, zone, order, mark + zone.boost, highest, alloc) {
        return true;
    }
    // The boost is for kswapd; requests that may use the reserve need not respect it.
    order == 0
        && zone.boost > 0
        && alloc.mark() == 0
        && alloc.has(AllocFlags::MIN_RESERVE)
        && watermark_ok(rules, zone, 0, zone.marks.min, highest, alloc, zone.nr_free)
}

/// `rmqueue`: takes a block from a per-CPU list or the buddy lists and marks it as allocated.
#[inline]
fn take(rules: &Rules, map: &mut MemMap, zone: &mut Zone, request: &Request) -> Option<u32> {
    let i = if pcp::allows(rules, request.order) {
        pcp::rmqueue_pcplist(rules, map, zone, usize::from(request.cpu), request)
    } else {
        None
    };
    let i = match i {
        Some(i) => i,
        None => rmqueue_buddy(rules, map, zone, request)?,
    };
    map.hand_out(i, Tag::new(BlockState::Allocated, request.order, request.migratetype, zone.id));
    zone.counters.allocated += 1 << request.order;
    if request.alloc.has(AllocFlags::HIGHATOMIC) && request.order > 0 {
        highatomic::reserve(rules, map, zone, map.pfn(i));
    }
    Some(i)
}

/// `rmqueue_buddy`: takes a block from the buddy lists.
fn rmqueue_buddy(rules: &Rules, map: &mut MemMap, zone: &mut Zone, request: &Request) -> Option<u32> {
    zone.counters.lock_taken += 1;
    if request.alloc.has(AllocFlags::HIGHATOMIC)
        && let Some(i) = rmqueue_smallest(map, zone, request.order, Migratetype::HighAtomic)
    {
        return Some(i);
    }
    let mut mode = Mode::Normal;
    if let Some(i) = rmqueue(rules, map, zone, request, &mut mode) {
        return Some(i);
    }
    if rules.highatomic && request.alloc.has(AllocFlags::OOM.with(AllocFlags::NON_BLOCK)) {
        // Taking a page of the reserve is better than failing a request that cannot wait.
        return rmqueue_smallest(map, zone, request.order, Migratetype::HighAtomic);
    }
    None
}
