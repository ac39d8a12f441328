//! Memory pressure: who gives pages back when a zone runs low.
//!
//! The allocator does not know what its pages hold, so reclaim is someone else's policy: an object passed along with the request.

use crate::{Order, PageAllocator, ZoneId};

/// Answers calls for memory. Each method may free pages through the allocator it is given.
pub trait Pressure {
    /// kswapd was woken for a zone: reclaim in the background up to the high mark. The default lets it run at once and find nothing.
    fn kswapd(&mut self, mm: &mut PageAllocator, zone: ZoneId) {
        mm.kswapd_done(zone);
    }

    /// Direct reclaim on behalf of a request: returns the number of pages freed.
    fn reclaim(&mut self, mm: &mut PageAllocator, zone: ZoneId, order: Order) -> u64 {
        let _ = (mm, zone, order);
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
