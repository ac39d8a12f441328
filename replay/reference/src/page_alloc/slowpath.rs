//! The slow path: lower marks, reclaim, compaction, and when to give up.

use super::{allocator::PageAllocator, pressure::Pressure};
use crate::{
    AllocError, COSTLY_ORDER, Flags, Migratetype, Order, ZoneId,
    buddy::{highatomic, request::Request},
    gfp::alloc_flags::AllocFlags,
    zone::watermark_ok::watermark_ok,
};

impl PageAllocator {
    /// `__alloc_pages_slowpath`.
    #[cold]
    pub(super) fn slowpath<P: Pressure>(
        &mut self,
        pressure: &mut P,
        request: &mut Request,
    ) -> Result<(u32, u8), AllocError> {
        /// `MAX_COMPACT_RETRIES` for costly orders: rounds that freed pages, and might have made the block.
        const COSTLY_COMPACT_RETRIES: u32 = 4;

        let flags = request.flags;
        let order = Order(request.order);
        self.counters.slowpath += 1;
        request.alloc = AllocFlags::slow(&self.config.rules, request.migratetype, flags, request.order);
        if flags.contains(Flags::KSWAPD_RECLAIM) {
            self.wake_kswapds(pressure, request);
        }
        if let Some(found) = self.get_page_from_freelist(request) {
            return Ok(found);
        }
        if !flags.contains(Flags::DIRECT_RECLAIM) {
            return Err(self.why(request));
        }
        let Some(zone) = self.zonelists.get(request.node.0, request.highest, 0).map(ZoneId) else {
            return Err(AllocError::BelowWatermark);
        };
        let costly = request.order > COSTLY_ORDER;
        let mut fruitless = 0;
        loop {
            self.counters.allocstall += 1;
            let progress = pressure.reclaim(self, zone, order, flags);
            if let Some(found) = self.get_page_from_freelist(request) {
                return Ok(found);
            }
            // What hides on per-CPU lists and in the reserve is not out of reach: get it before giving up.
            self.unreserve_highatomic(request.migratetype, false);
            self.drain_all();
            if let Some(found) = self.get_page_from_freelist(request) {
                return Ok(found);
            }
            // Pages that were freed need not make the large block that a costly order wants.
            fruitless = if progress > 0 && !costly { 0 } else { fruitless + 1 };
            if request.order > 0 {
                self.counters.compact_stall += 1;
                if pressure.compact(self, zone, order)
                    && let Some(found) = self.get_page_from_freelist(request)
                {
                    return Ok(found);
                }
            }
            let nofail = flags.contains(Flags::NOFAIL);
            if flags.contains(Flags::NORETRY) && !nofail {
                return Err(self.why(request));
            }
            if costly && !flags.contains(Flags::RETRY_MAYFAIL) && !nofail {
                return Err(self.why(request));
            }
            if fruitless > 0
                && !(progress > 0 && fruitless <= COSTLY_COMPACT_RETRIES)
                && !self.should_reclaim_retry(pressure, request, fruitless)
                && let Some(found) = self.last_resort(pressure, request, nofail)?
            {
                return Ok(found);
            }
        }
    }

    /// `should_reclaim_retry`: after a round that came to nothing, whether all that could still be reclaimed would be
    /// enough.
    fn should_reclaim_retry<P: Pressure>(&self, pressure: &P, request: &Request, fruitless: u32) -> bool {
        /// `MAX_RECLAIM_RETRIES`.
        const MAX_RECLAIM_RETRIES: u32 = 16;

        let would_be_enough = |z: &u8| {
            let zone = &self.zones[usize::from(*z)];
            let available = zone.nr_free + pressure.reclaimable(self, ZoneId(*z));
            watermark_ok(
                &self.config.rules,
                zone,
                request.order,
                zone.marks.min,
                request.highest,
                request.alloc,
                available,
            )
        };
        fruitless <= MAX_RECLAIM_RETRIES
            && self.zonelists.list(request.node.0, request.highest).iter().any(would_be_enough)
    }

    /// No reclaim helps any more: the OOM killer, and for `__GFP_NOFAIL` all memory there is. `None` means that there
    /// may be something now: the rest of the reserve, or what the killer's victim freed.
    fn last_resort<P: Pressure>(
        &mut self,
        pressure: &mut P,
        request: &mut Request,
        nofail: bool,
    ) -> Result<Option<(u32, u8)>, AllocError> {
        if self.unreserve_highatomic(request.migratetype, true) {
            return Ok(None);
        }
        let may_kill = !request.flags.contains(Flags::RETRY_MAYFAIL) && request.order <= COSTLY_ORDER;
        if may_kill {
            self.counters.oom += 1;
            if pressure.oom(self) > 0 {
                return Ok(None);
            }
        }
        if !nofail {
            return Err(self.why(request));
        }
        request.alloc = request.alloc.with(AllocFlags::NO_WATERMARKS);
        self.get_page_from_freelist(request).map(Some).ok_or(AllocError::WouldWait)
    }

    fn wake_kswapds<P: Pressure>(&mut self, pressure: &mut P, request: &Request) {
        let mut position = 0;
        while let Some(z) = self.zonelists.get(request.node.0, request.highest, position) {
            self.counters.kswapd_wakeups += 1;
            pressure.kswapd(self, ZoneId(z));
            position += 1;
        }
    }

    /// Why a request failed: too little is free, or what is free lies in blocks that are too small.
    fn why(&self, request: &Request) -> AllocError {
        let zones = self.zonelists.list(request.node.0, request.highest);
        let enough = |z: &u8| {
            let zone = &self.zones[usize::from(*z)];
            watermark_ok(&self.config.rules, zone, 0, zone.marks.min, request.highest, request.alloc, zone.nr_free)
        };
        if request.order > 0 && zones.iter().any(enough) { AllocError::Fragmented } else { AllocError::BelowWatermark }
    }

    /// `unreserve_highatomic_pageblock`: when reclaim gets nowhere, one reserved pageblock with free pages becomes
    /// ordinary again, of the type that is asked for. The last one is given up by `force` only. Whether there was one.
    pub fn unreserve_highatomic(&mut self, to: Migratetype, force: bool) -> bool {
        highatomic::unreserve(&mut self.map, &mut self.zones, to, force)
    }
}
