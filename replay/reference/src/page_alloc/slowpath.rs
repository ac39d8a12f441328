//! The slow path: lower marks, reclaim, compaction, and the decision to give up.

use super::{allocator::PageAllocator, pressure::Pressure};
use crate::{
    AllocError, COSTLY_ORDER, Flags, Migratetype, Order, ZoneId,
    buddy::{highatomic, request::Request},
    gfp::alloc_flags::AllocFlags,
    zone::watermark_ok::watermark_ok,
};

impl PageAllocator {
    /// `__alloc_pages_slowpath`: allocates a block when every zone is below its low mark.
    #[cold]
    pub(super) fn slowpath<P: Pressure>(
        &mut self,
        pressure: &mut P,
        request: &mut Request,
    ) -> Result<(u32, u8), AllocError> {
        /// `MAX_COMPACT_RETRIES` for costly orders: the number of rounds that freed pages and might have formed the
        /// block.
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
            // The pages on per-CPU lists and in the reserve can still be used, so they are tried before giving up.
            self.unreserve_highatomic(request.migratetype, false);
            self.drain_all();
            if let Some(found) = self.get_page_from_freelist(request) {
                return Ok(found);
            }
            // Freed pages need not form the large block that a costly order needs, so for such an order they do not
            // count as progress.
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

    /// `should_reclaim_retry`: returns whether, after a round that freed nothing, all pages that could still be
    /// reclaimed would be enough.
    fn should_reclaim_retry<P: Pressure>(&self, pressure: &P, request: &Request, fruitless: u32) -> bool {
        /// `MAX_RECLAIM_RETRIES`: the number of rounds without progress after which the request gives up.
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

    /// Tries what is left when reclaim no longer helps: the OOM killer, and for `__GFP_NOFAIL` all memory there is.
    /// Returns `None` if the search may succeed now, because the reserve or the OOM killer's victim gave pages back.
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

    /// Returns the reason why a request failed: too few pages are free, or the free pages are in blocks that are too
    /// small.
    fn why(&self, request: &Request) -> AllocError {
        let zones = self.zonelists.list(request.node.0, request.highest);
        let enough = |z: &u8| {
            let zone = &self.zones[usize::from(*z)];
            watermark_ok(&self.config.rules, zone, 0, zone.marks.min, request.highest, request.alloc, zone.nr_free)
        };
        if request.order > 0 && zones.iter().any(enough) { AllocError::Fragmented } else { AllocError::BelowWatermark }
    }

    /// `unreserve_highatomic_pageblock`: when reclaim makes no progress, returns one reserved pageblock with free pages
    /// to ordinary use, with the requested type. The last reserved pageblock is given up only if `force` is set.
    /// Returns whether there was such a pageblock.
    pub fn unreserve_highatomic(&mut self, to: Migratetype, force: bool) -> bool {
        highatomic::unreserve(&mut self.map, &mut self.zones, to, force)
    }
}
