//! The state and counters of one zone as plain values.

use super::{mmzone::Zone, watermark::Watermarks};
use crate::{
    machine::{NR_ORDERS, NodeId, ZoneId, ZoneType},
    page::MIGRATE_TYPES,
};

/// The state and counters of one zone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ZoneStats {
    /// The zone's number.
    pub zone: ZoneId,
    /// The zone's type.
    pub kind: ZoneType,
    /// The zone's node.
    pub node: NodeId,
    /// The pages that the buddy allocator manages.
    pub managed: u64,
    /// The free pages, without those on per-CPU lists and in isolated blocks (`nr_free_pages`).
    pub free: u64,
    /// The free pages of CMA pageblocks, which are part of `free`.
    pub free_cma: u64,
    /// The free pages of high-atomic pageblocks, which are part of `free`.
    pub free_highatomic: u64,
    /// The free pages of isolated pageblocks, which are not part of `free`.
    pub free_isolated: u64,
    /// The pages on per-CPU lists.
    pub pcp: u64,
    /// The pages in blocks that the model has allocated.
    pub allocated: u64,
    /// The pages in use since before the model began.
    pub held: i64,
    /// The pages in pageblocks reserved for high-order atomic requests.
    pub reserved_highatomic: u64,
    /// The zone's watermarks, in pages.
    pub watermarks: Watermarks,
    /// The number of pages by which the marks are raised at present.
    pub boost: u64,
    /// The number of free blocks, by order and type.
    pub free_blocks: [[u64; MIGRATE_TYPES]; NR_ORDERS],
    /// The number of pageblocks, by type.
    pub pageblocks: [u64; MIGRATE_TYPES],
    /// The pages allocated so far (`pgalloc_*`).
    pub pages_allocated: u64,
    /// The pages freed so far.
    pub pages_freed: u64,
    /// The number of times that the zone lock was taken, which per-CPU lists avoid.
    pub lock_taken: u64,
    /// The number of times that a per-CPU list gave a batch back.
    pub pcp_drains: u64,
    /// The requests that per-CPU lists served at once.
    pub pcp_hits: u64,
    /// The requests for which a per-CPU list had to be refilled.
    pub pcp_misses: u64,
    /// The fallbacks to another type (`mm_page_alloc_extfrag`).
    pub extfrag: u64,
    /// The fallbacks that broke a block below pageblock order.
    pub extfrag_fragmenting: u64,
    /// The fallbacks after which the pageblock had another type.
    pub extfrag_changed: u64,
}

impl ZoneStats {
    /// Returns a zone's state and counters at this moment.
    pub(crate) fn of(z: &Zone) -> Self {
        let mut pageblocks = [0; MIGRATE_TYPES];
        for mt in &z.pageblocks {
            pageblocks[mt.index()] += 1;
        }
        Self {
            zone: ZoneId(z.id),
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

    /// Returns the number of free blocks by order, all types together: a row of `/proc/buddyinfo`.
    pub fn free_by_order(&self) -> [u64; NR_ORDERS] {
        self.free_blocks.map(|types| types.iter().sum())
    }
}
