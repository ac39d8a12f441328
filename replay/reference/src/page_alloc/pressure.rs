//! Memory pressure: who gives pages back when a zone runs low.
//!
//! The allocator does not know what its pages hold, so reclaim is someone else's policy: an object passed along with
//! the request. [`crate::Lru`] is one that behaves as `mm/vmscan.c` and `mm/compaction.c` do.

use super::allocator::PageAllocator;
use crate::{Flags, Order, ZoneId};

/// Answers calls for memory. Each method may free pages through the allocator it is given.
pub trait Pressure {
    /// kswapd was woken for a zone: reclaim in the background up to the high mark. The default lets it run at once and
    /// find nothing.
    fn kswapd(&mut self, mm: &mut PageAllocator, zone: ZoneId) {
        mm.kswapd_done(zone);
    }

    /// Direct reclaim on behalf of a request with these flags, one round of it: returns the number of pages freed.
    fn reclaim(&mut self, mm: &mut PageAllocator, zone: ZoneId, order: Order, flags: Flags) -> u64 {
        let _ = (mm, zone, order, flags);
        0
    }

    /// Pages of a zone that later rounds may free (`zone_reclaimable_pages`): as long as they would be enough, a round
    /// that comes to nothing is not the last one.
    fn reclaimable(&self, mm: &PageAllocator, zone: ZoneId) -> u64 {
        let _ = (mm, zone);
        0
    }

    /// Direct compaction: returns whether a block of this order may have formed.
    fn compact(&mut self, mm: &mut PageAllocator, zone: ZoneId, order: Order) -> bool {
        let _ = (mm, zone, order);
        false
    }

    /// The OOM killer: returns the number of pages its victim freed.
    fn oom(&mut self, mm: &mut PageAllocator) -> u64 {
        let _ = mm;
        0
    }
}

/// A machine where nothing can be reclaimed.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoPressure;

impl Pressure for NoPressure {}

impl PageAllocator {
    /// kswapd begins to work on a zone (`ZONE_RECLAIM_ACTIVE`): per-CPU lists keep little from then on.
    pub fn set_reclaim_active(&mut self, zone: ZoneId) {
        self.zones[usize::from(zone.0)].reclaim_active = true;
    }

    /// kswapd has finished with a zone: the boost of its marks is gone.
    pub fn kswapd_done(&mut self, zone: ZoneId) {
        let zone = &mut self.zones[usize::from(zone.0)];
        zone.boost = 0;
        zone.counters.boosted = false;
        zone.reclaim_active = false;
        zone.note_reserve();
    }
}
