//! The allocator's state and counters as plain values.

use alloc::vec::Vec;

use super::{allocator::PageAllocator, counters::Counters};
use crate::{MIGRATE_TYPES, NR_ORDERS, ZoneId, ZoneStats};

impl PageAllocator {
    /// Returns the counters since the start.
    pub fn counters(&self) -> Counters {
        let mut sum = self.counters;
        for pcp in self.zones.iter().flat_map(|zone| &zone.pcp) {
            sum.allocs += pcp.quick_allocs.times();
            sum.frees += pcp.quick_frees.times();
        }
        sum
    }

    /// Returns the state and counters of one zone.
    pub fn zone_stats(&self, zone: ZoneId) -> ZoneStats {
        ZoneStats::of(&self.zones[usize::from(zone.0)])
    }

    /// Returns the state and counters of every zone.
    pub fn stats(&self) -> Vec<ZoneStats> {
        (0..self.zones.len()).map(|z| self.zone_stats(ZoneId(z as u8))).collect()
    }

    /// Returns the number of free blocks of one zone by order. It does not walk the pageblocks, so it can be sampled
    /// often.
    pub fn free_blocks(&self, zone: ZoneId) -> [u64; NR_ORDERS] {
        core::array::from_fn(|o| self.zones[usize::from(zone.0)].free_area[o].nr_free())
    }

    /// Returns the number of free pages of one zone (`nr_free_pages`).
    pub fn free_page_count(&self, zone: ZoneId) -> u64 {
        self.zones[usize::from(zone.0)].nr_free
    }

    /// Returns the number of fallbacks over all zones, by requested type and taken type, both indexed by
    /// [`Migratetype::index`](crate::Migratetype::index).
    pub fn extfrag_by_type(&self) -> [[u64; MIGRATE_TYPES]; MIGRATE_TYPES] {
        let mut sum = [[0; MIGRATE_TYPES]; MIGRATE_TYPES];
        for zone in &self.zones {
            for (row, more) in sum.iter_mut().zip(&zone.counters.extfrag_by_type) {
                for (cell, n) in row.iter_mut().zip(more) {
                    *cell += n;
                }
            }
        }
        sum
    }
}
