//! Counters and the state of the allocator as plain values.

use alloc::vec::Vec;

use crate::{
    Migratetype, NodeId, PageAllocator, Watermarks, ZoneId, ZoneType, ids::NR_ORDERS, migratetype::MIGRATE_TYPES,
};

/// Counters inside a zone.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ZoneCounters {
    pub(crate) boost_factor: u64,
    pub(crate) boosted: bool,
    pub(crate) allocated: u64,
    pub(crate) freed: u64,
    pub(crate) lock_taken: u64,
    pub(crate) pcp_drains: u64,
    pub(crate) extfrag: u64,
    pub(crate) extfrag_fragmenting: u64,
    pub(crate) extfrag_changed: u64,
    pub(crate) extfrag_by_type: [[u64; MIGRATE_TYPES]; MIGRATE_TYPES],
}

impl ZoneCounters {
    /// Books one `mm_page_alloc_extfrag`.
    pub(crate) fn count_extfrag(
        &mut self,
        _alloc_order: u8,
        fallback_order: u8,
        alloc: Migratetype,
        fallback: Migratetype,
        changed: bool,
        pageblock_order: u8,
    ) {
        self.extfrag += 1;
        self.extfrag_fragmenting += u64::from(fallback_order < pageblock_order);
        self.extfrag_changed += u64::from(changed);
        self.extfrag_by_type[alloc.index()][fallback.index()] += 1;
    }
}

/// State and counters of one zone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ZoneStats {
    /// Which zone.
    pub zone: ZoneId,
    /// Its type.
    pub kind: ZoneType,
    /// Its node.
    pub node: NodeId,
    /// Pages the buddy allocator manages.
    pub managed: u64,
    /// Free pages, per-CPU lists and isolated blocks not included (`nr_free_pages`).
    pub free: u64,
    /// Free pages of CMA pageblocks, part of `free`.
    pub free_cma: u64,
    /// Free pages of high-atomic pageblocks, part of `free`.
    pub free_highatomic: u64,
    /// Free pages of isolated pageblocks, not part of `free`.
    pub free_isolated: u64,
    /// Pages on per-CPU lists.
    pub pcp: u64,
    /// Pages handed out by the model.
    pub allocated: u64,
    /// Pages in use since before the model began.
    pub held: i64,
    /// Pages in pageblocks reserved for high-order atomic requests.
    pub reserved_highatomic: u64,
    /// The marks.
    pub watermarks: Watermarks,
    /// Pages by which the marks are raised at present.
    pub boost: u64,
    /// Free blocks by order and type.
    pub free_blocks: [[u64; MIGRATE_TYPES]; NR_ORDERS],
    /// Pageblocks by type.
    pub pageblocks: [u64; MIGRATE_TYPES],
    /// Pages allocated so far (`pgalloc_*`).
    pub pages_allocated: u64,
    /// Pages freed so far.
    pub pages_freed: u64,
    /// How often the zone lock was taken: what per-CPU lists avoid.
    pub lock_taken: u64,
    /// Times a per-CPU list gave a batch back.
    pub pcp_drains: u64,
    /// Requests that per-CPU lists served at once.
    pub pcp_hits: u64,
    /// Requests for which a per-CPU list had to be refilled.
    pub pcp_misses: u64,
    /// Fallbacks to another type (`mm_page_alloc_extfrag`).
    pub extfrag: u64,
    /// Those that broke a block below pageblock order.
    pub extfrag_fragmenting: u64,
    /// Those after which the pageblock had another type.
    pub extfrag_changed: u64,
}

impl ZoneStats {
    /// Free blocks by order, all types together: a row of `/proc/buddyinfo`.
    pub fn free_by_order(&self) -> [u64; NR_ORDERS] {
        self.free_blocks.map(|types| types.iter().sum())
    }
}

/// Counters over all zones, in the words of `/proc/vmstat`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Requests served.
    pub allocs: u64,
    /// Blocks freed.
    pub frees: u64,
    /// Requests that failed.
    pub failures: u64,
    /// Requests that missed the low mark in every zone.
    pub slowpath: u64,
    /// Wake-ups of kswapd.
    pub kswapd_wakeups: u64,
    /// Direct reclaims (`allocstall`).
    pub allocstall: u64,
    /// Direct compactions (`compact_stall`).
    pub compact_stall: u64,
    /// Times the OOM killer was asked.
    pub oom: u64,
    /// Pages zeroed.
    pub zeroed: u64,
}

impl PageAllocator {
    /// Counters since the start.
    pub fn counters(&self) -> Counters {
        let mut sum = self.counters;
        for pcp in self.zones.iter().flat_map(|zone| &zone.pcp) {
            sum.allocs += pcp.quick_allocs.times();
            sum.frees += pcp.quick_frees.times();
        }
        sum
    }

    /// State and counters of one zone.
    pub fn zone_stats(&self, zone: ZoneId) -> ZoneStats {
        let z = &self.zones[usize::from(zone.0)];
        let mut pageblocks = [0; MIGRATE_TYPES];
        for mt in &z.pageblocks {
            pageblocks[mt.index()] += 1;
        }
        ZoneStats {
            zone,
            kind: z.kind,
            node: z.node,
            managed: z.managed,
            free: z.nr_free,
            free_cma: z.nr_free_cma,
            free_highatomic: z.nr_free_highatomic,
            free_isolated: z.nr_free_isolated,
            pcp: z.pcp_pages(),
            allocated: z.nr_allocated(),
            held: z.held(),
            reserved_highatomic: z.nr_reserved_highatomic,
            watermarks: z.marks,
            boost: z.boost,
            free_blocks: core::array::from_fn(|o| z.free_area[o].lists.each_ref().map(|list| u64::from(list.len()))),
            pageblocks,
            pages_allocated: z.pages_allocated(),
            pages_freed: z.pages_freed(),
            lock_taken: z.counters.lock_taken,
            pcp_drains: z.counters.pcp_drains,
            pcp_hits: z.pcp.iter().map(|p| p.hits + p.quick_allocs.times()).sum(),
            pcp_misses: z.pcp.iter().map(|p| p.misses).sum(),
            extfrag: z.counters.extfrag,
            extfrag_fragmenting: z.counters.extfrag_fragmenting,
            extfrag_changed: z.counters.extfrag_changed,
        }
    }

    /// State and counters of every zone.
    pub fn stats(&self) -> Vec<ZoneStats> {
        (0..self.zones.len()).map(|z| self.zone_stats(ZoneId(z as u8))).collect()
    }

    /// Free blocks by order of one zone, without a walk over its pageblocks: cheap enough to sample often.
    pub fn free_blocks(&self, zone: ZoneId) -> [u64; NR_ORDERS] {
        core::array::from_fn(|o| self.zones[usize::from(zone.0)].free_area[o].nr_free())
    }

    /// Free pages of one zone (`nr_free_pages`).
    pub fn free_page_count(&self, zone: ZoneId) -> u64 {
        self.zones[usize::from(zone.0)].nr_free
    }

    /// Fallbacks by type asked for and type taken, over all zones, indexed by [`Migratetype::index`].
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
