//! `struct per_cpu_pages`: the lists that one CPU has in front of one zone, and their limits.

use super::pcp_queue::Queue;
use crate::{
    machine::{COSTLY_ORDER, NR_ORDERS, PcpRule, Rules},
    page::PCP_TYPES,
};

/// The number of lists per CPU and zone: three types for each of the orders 0 to 3, and two for huge pages
/// (`NR_PCP_LISTS`; 6.1 uses one of these two).
pub(crate) const NR_PCP_LISTS: usize = PCP_TYPES * (COSTLY_ORDER as usize + 1) + 2;
/// The index of the first of the two huge-page lists.
pub(crate) const THP_LIST: usize = NR_PCP_LISTS - 2;
/// `CONFIG_PCP_BATCH_SCALE_MAX`: the number of times that a batch may double.
pub(crate) const BATCH_SCALE_MAX: u32 = 5;

/// The sizes of one zone's per-CPU lists, in pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PcpSizes {
    /// The number of pages that are moved at a time between the lists and the buddy system.
    pub batch: u32,
    /// The lower bound of the limit `high`; before 6.7 the limit itself.
    pub high_min: u32,
    /// The upper bound of the limit `high` (since 6.7).
    pub high_max: u32,
}

/// The lists of one CPU in front of one zone: `struct per_cpu_pages`.
pub(crate) struct PerCpuPages {
    pub(crate) count: u32,
    /// The number of pages from which on some are given back. Before 6.7 it is always `sizes.high_min`; without per-CPU
    /// lists it is 0.
    pub(crate) high: u32,
    pub(crate) sizes: PcpSizes,
    /// A measure of what was freed recently, which every allocation halves. In 6.1 it is the number of doublings of the
    /// next batch to give back (`free_factor`), since 6.7 a number of pages (`free_count`).
    pub(crate) freed_of_late: u32,
    /// The value of `freed_of_late` up to which single frees raise it: `batch << CONFIG_PCP_BATCH_SCALE_MAX` since 6.7;
    /// before, 0.
    pub(crate) freed_of_late_most: u32,
    /// The value of `freed_of_late` from which on frees of orders 1 to 3 empty the lists (`free_high`).
    pub(crate) free_high_from: u32,
    /// The number of doublings of the next batch to take (6.7 and later).
    pub(crate) alloc_factor: u32,
    /// Whether the last free was of orders 1 to 3 (`PCPF_PREV_FREE_HIGH_ORDER`, 6.7 and later).
    pub(crate) prev_free_high: bool,
    pub(crate) lists: [Queue; NR_PCP_LISTS],
    /// The requests that took the short path, by order. They are counted nowhere else.
    pub(crate) quick_allocs: ByOrder,
    /// The frees that took the short path, by order. They are counted nowhere else.
    pub(crate) quick_frees: ByOrder,
    /// The number of requests served without the zone lock.
    pub(crate) hits: u64,
    /// The number of requests that had to refill a list first.
    pub(crate) misses: u64,
}

/// A number of events, by order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ByOrder(pub(crate) [u64; NR_ORDERS]);

impl ByOrder {
    pub(crate) fn times(&self) -> u64 {
        self.0.iter().sum()
    }

    pub(crate) fn pages(&self) -> u64 {
        self.0.iter().enumerate().map(|(order, n)| n << order).sum()
    }
}

impl PerCpuPages {
    pub(crate) const fn new() -> Self {
        Self {
            count: 0,
            high: 0,
            sizes: PcpSizes { batch: 1, high_min: 0, high_max: 0 },
            freed_of_late: 0,
            freed_of_late_most: 0,
            free_high_from: 0,
            alloc_factor: 0,
            prev_free_high: false,
            lists: [Queue::EMPTY; NR_PCP_LISTS],
            quick_allocs: ByOrder([0; NR_ORDERS]),
            quick_frees: ByOrder([0; NR_ORDERS]),
            hits: 0,
            misses: 0,
        }
    }

    pub(crate) fn set_sizes(&mut self, rules: &Rules, sizes: PcpSizes) {
        self.sizes = sizes;
        self.free_high_from = match rules.pcp {
            PcpRule::Textbook => u32::MAX,
            PcpRule::FixedHigh => 1,
            PcpRule::AutoHigh if rules.late_free_high => sizes.batch + sizes.high_min / 2,
            PcpRule::AutoHigh => sizes.batch,
        };
        let moves = rules.pcp == PcpRule::AutoHigh;
        self.high = match (rules.per_cpu_lists, moves) {
            (false, _) => 0,
            // `high` stays 0 until the lists are used for the first time.
            (true, true) if self.high == 0 => 0,
            (true, true) => self.within_bounds(self.high),
            (true, false) => sizes.high_min,
        };
        self.freed_of_late_most = if moves { sizes.batch << BATCH_SCALE_MAX } else { 0 };
    }

    pub(crate) fn within_bounds(&self, high: u32) -> u32 {
        high.clamp(self.sizes.high_min, self.sizes.high_max.max(self.sizes.high_min))
    }
}
