//! The counters of one zone, as the allocator updates them.

use crate::page::{MIGRATE_TYPES, Migratetype};

/// The counters of one zone.
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
    /// Counts one fallback, for which the kernel has the tracepoint `mm_page_alloc_extfrag`.
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
