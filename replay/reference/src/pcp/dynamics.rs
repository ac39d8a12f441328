//! The number of pages that a CPU's lists take and give back at a time: the limits of each generation and how they
//! change.

use crate::{
    machine::{COSTLY_ORDER, PcpRule, Rules},
    zone::per_cpu_pages::{BATCH_SCALE_MAX, PcpSizes, PerCpuPages},
};

impl PerCpuPages {
    /// `nr_pcp_alloc`: returns the number of blocks to take from the buddy system when a list is empty.
    pub(super) fn refill(&mut self, rules: &Rules, order: u8, below_high: bool) -> u32 {
        let base = self.sizes.batch;
        let mut batch = base;
        if rules.pcp == PcpRule::AutoHigh {
            self.high = self.within_bounds(self.high);
            if base < 2 {
                return 1;
            }
            if order == 0 {
                batch = base << self.alloc_factor;
            }
            if self.sizes.high_min != self.sizes.high_max && !below_high {
                self.high = (self.high + batch).min(self.sizes.high_max);
            }
            if order == 0 {
                let most = self.high.saturating_sub(self.count).saturating_sub(base).max(base);
                if batch <= most && self.alloc_factor < BATCH_SCALE_MAX {
                    self.alloc_factor += 1;
                }
                batch = batch.min(most);
            }
        }
        // A block of a higher order has several pages, so fewer blocks are taken, but at least two.
        if batch > 1 { (batch >> order).max(2) } else { batch }
    }

    /// Returns the number of pages to give back after a free, by the rules of 5.13 to 6.6: one fixed `high` and a batch
    /// that doubles.
    #[inline]
    pub(super) fn surplus_fixed(&mut self, order: u8, reclaim_active: bool) -> u32 {
        let batch = self.sizes.batch;
        // Frees of high orders in a row (mostly network buffers) are better merged at once.
        let free_high = self.freed_of_late >= self.free_high_from && (1..=COSTLY_ORDER).contains(&order);
        let high = match (free_high, reclaim_active) {
            (true, _) => 0,
            (_, true) => (4 * batch).min(self.high),
            _ => self.high,
        };
        if self.count < high {
            return 0;
        }
        if free_high {
            return self.count;
        }
        if high < batch {
            return 1;
        }
        let most = high - batch;
        let wanted = batch << self.freed_of_late;
        if wanted < most {
            self.freed_of_late += 1;
        }
        wanted.min(most).max(batch.min(most)).max(1)
    }

    /// Returns the number of pages to give back after a free, by the rules of 6.7 and later: `high` moves with the load
    /// between `high_min` and `high_max`.
    #[inline]
    pub(super) fn surplus_auto(&mut self, order: u8, reclaim_active: bool, below_high: bool) -> u32 {
        let batch = self.sizes.batch;
        // The test of `count` assumes the flag `PCPF_FREE_HIGH_BATCH`, which the kernel sets if the CPU's share of the
        // data cache is large enough for the lists. It is on any CPU with a megabyte of cache per core.
        let in_a_run = self.prev_free_high && (1..=COSTLY_ORDER).contains(&order);
        let free_high = in_a_run && self.freed_of_late >= self.free_high_from && self.count >= batch;
        self.note_free(order);
        let high = self.limit(free_high, reclaim_active, below_high);
        if self.count < high {
            return 0;
        }
        if free_high {
            return self.count.min(batch << BATCH_SCALE_MAX);
        }
        if high < batch {
            return 1;
        }
        self.freed_of_late.min(high - batch).max(batch.min(high - batch)).max(1)
    }

    /// Updates the state that every free changes: the next refill, the order of the last free, and the pages freed of
    /// late.
    #[inline]
    pub(crate) fn note_free(&mut self, order: u8) {
        self.alloc_factor >>= 1;
        self.prev_free_high = (1..=COSTLY_ORDER).contains(&order);
        if self.freed_of_late < self.freed_of_late_most {
            self.freed_of_late += 1 << order;
        }
    }

    /// `nr_pcp_high`: returns the number of pages from which on some are given back.
    #[inline]
    fn limit(&mut self, free_high: bool, reclaim_active: bool, below_high: bool) -> u32 {
        let PcpSizes { batch, high_min, high_max } = self.sizes;
        let high = self.within_bounds(self.high);
        self.high = high;
        if high == 0 {
            return 0;
        }
        if free_high {
            self.high = high.saturating_sub(batch << BATCH_SCALE_MAX).max(high_min);
            return 0;
        }
        let shrunk = high.saturating_sub(self.freed_of_late.max(batch)).max(high_min);
        if reclaim_active {
            self.high = shrunk;
            return (batch << 2).min(self.high);
        }
        if high_min == high_max {
            return high;
        }
        if below_high {
            self.high = shrunk;
            return self.count.max(high_min);
        }
        if self.count >= high {
            let needed = self.freed_of_late + batch;
            if high < needed {
                self.high = needed.clamp(high_min, high_max);
            }
        }
        high
    }

    /// `decay_pcp_high`, which the vmstat worker calls about once a second: lowers `high` by an eighth and returns the
    /// pages above it.
    pub(crate) fn decay(&mut self) -> u32 {
        if self.high > self.sizes.high_min {
            let fewer = self.count.saturating_sub(self.sizes.batch << BATCH_SCALE_MAX);
            self.high = fewer.max(self.high - (self.high >> 3)).max(self.sizes.high_min);
        }
        self.count.saturating_sub(self.high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refill_doubles_with_each_run_of_allocations() {
        let rules = Rules::of(crate::Generation::V6_18);
        let mut pcp = PerCpuPages::new();
        pcp.set_sizes(&rules, PcpSizes { batch: 63, high_min: 4960, high_max: 43008 });
        let refills: [u32; 7] = core::array::from_fn(|_| pcp.refill(&rules, 0, false));
        assert_eq!(refills, [63, 126, 252, 504, 1008, 2016, 2016]);
        assert_eq!(pcp.refill(&rules, 2, false), 15);
        // A free halves the most that the next refill may take, but at least two blocks are taken.
        pcp.note_free(0);
        assert_eq!(pcp.refill(&rules, 0, false), 252);
        pcp.set_sizes(&rules, PcpSizes { batch: 7, high_min: 100, high_max: 100 });
        assert_eq!(pcp.refill(&rules, 3, false), 2);
    }

    #[test]
    fn the_limit_decays_by_an_eighth_a_second() {
        let mut pcp = PerCpuPages::new();
        pcp.set_sizes(&Rules::of(crate::Generation::V6_18), PcpSizes { batch: 63, high_min: 100, high_max: 43_008 });
        pcp.high = 8000;
        pcp.count = 7500;
        assert_eq!((pcp.decay(), pcp.high), (500, 7000));
        pcp.high = 105;
        pcp.count = 0;
        assert_eq!((pcp.decay(), pcp.high), (0, 100));
    }
}
