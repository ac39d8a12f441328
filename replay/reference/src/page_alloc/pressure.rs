//! Memory pressure: the interface to the policy that gives pages back when a zone runs low.
//!
//! The allocator does not know what its pages hold, so reclaim is the policy of an object that is passed along with the
//! request. [`crate::Lru`] is such an object, which behaves as `mm/vmscan.c` and `mm/compaction.c` do.

use super::allocator::PageAllocator;
use crate::{Flags, Order, ZoneId};

/// A policy of reclaim. Each method may free pages through the allocator that it is given.
pub trait Pressure {
    /// Wakes kswapd for a zone, to reclaim in the background up to the high mark. In the default implementation kswapd
    /// runs at once and finds nothing.
    fn kswapd(&mut self, mm: &mut PageAllocator, zone: ZoneId) {
        mm.kswapd_done(zone);
    }

    /// Runs one round of direct reclaim on behalf of a request with these flags, and returns the number of pages freed.
    fn reclaim(&mut self, mm: &mut PageAllocator, zone: ZoneId, order: Order, flags: Flags) -> u64 {
        let _ = (mm, zone, order, flags);
        0
    }

    /// Returns the number of pages of a zone that later rounds may free (`zone_reclaimable_pages`). As long as they
    /// would be enough, the allocator tries again after a round that freed nothing.
    fn reclaimable(&self, mm: &PageAllocator, zone: ZoneId) -> u64 {
        let _ = (mm, zone);
        0
    }

    /// Runs direct compaction, and returns whether a block of this order may have formed.
    fn compact(&mut self, mm: &mut PageAllocator, zone: ZoneId, order: Order) -> bool {
        let _ = (mm, zone, order);
        false
    }

    /// Runs the OOM killer, and returns the number of pages that its victim freed.
    fn oom(&mut self, mm: &mut PageAllocator) -> u64 {
        let _ = mm;
        0
    }
}

/// The policy of a machine where nothing can be reclaimed.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoPressure;

impl Pressure for NoPressure {}

impl PageAllocator {
    /// Marks a zone as one that kswapd works on (`ZONE_RECLAIM_ACTIVE`). From then on its per-CPU lists keep few pages.
    pub fn set_reclaim_active(&mut self, zone: ZoneId) {
        self.zones[usize::from(zone.0)].reclaim_active = true;
    }

    /// Marks kswapd's work on a zone as finished, which ends the boost of the zone's marks.
    pub fn kswapd_done(&mut self, zone: ZoneId) {
        let zone = &mut self.zones[usize::from(zone.0)];
        zone.boost = 0;
        zone.counters.boosted = false;
        zone.reclaim_active = false;
        zone.note_reserve();
    }
}
