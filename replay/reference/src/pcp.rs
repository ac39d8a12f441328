//! Per-CPU page lists: the cache in front of each zone that needs no zone lock.

mod dynamics;
mod sizes;

pub use sizes::{PcpSizes, pcp_sizes, pcp_sizes_textbook};

use crate::{
    Migratetype, PcpRule, Rules, buddy,
    ids::COSTLY_ORDER,
    list::List,
    mem_map::{BlockState, MemMap, Tag},
    migratetype::PCP_TYPES,
    rmqueue,
    zone::Zone,
};

/// Lists per CPU and zone: orders 0 to 3 by three types, and two for huge pages (`NR_PCP_LISTS`; 6.1 uses one of the two).
const NR_PCP_LISTS: usize = PCP_TYPES * (COSTLY_ORDER as usize + 1) + 2;
/// First of the two huge-page lists.
const THP_LIST: usize = NR_PCP_LISTS - 2;
/// `CONFIG_PCP_BATCH_SCALE_MAX`: how often a batch may double.
const BATCH_SCALE_MAX: u32 = 5;

/// `struct per_cpu_pages`.
pub(crate) struct PerCpuPages {
    pub(crate) count: u32,
    pub(crate) high: u32,
    pub(crate) sizes: PcpSizes,
    /// 6.1: doublings of the next batch to free.
    pub(crate) free_factor: u32,
    /// 6.7+: doublings of the next batch to take.
    alloc_factor: u32,
    /// 6.7+: pages freed of late.
    pub(crate) free_count: u32,
    /// 6.7+: the last free was of a high order.
    prev_free_high: bool,
    pub(crate) lists: [List; NR_PCP_LISTS],
    /// Requests served without the zone lock.
    pub(crate) hits: u64,
    /// Requests that had to refill first.
    pub(crate) misses: u64,
}

/// Whether blocks of this order are cached per CPU (`pcp_allowed_order`).
#[inline]
pub(crate) fn allows(rules: &Rules, order: u8) -> bool {
    if !rules.per_cpu_lists {
        return false;
    }
    match rules.pcp {
        PcpRule::Textbook => order == 0,
        PcpRule::FixedHigh | PcpRule::AutoHigh => order <= COSTLY_ORDER || order == rules.pageblock_order,
    }
}

#[inline]
fn list_index(rules: &Rules, order: u8, mt: Migratetype) -> usize {
    if order <= COSTLY_ORDER {
        PCP_TYPES * usize::from(order) + mt.index()
    } else if rules.pcp == PcpRule::AutoHigh && mt == Migratetype::Movable {
        THP_LIST + 1
    } else {
        THP_LIST
    }
}

/// `pindex_to_order`.
#[inline]
fn list_order(rules: &Rules, index: usize) -> u8 {
    if index >= THP_LIST { rules.pageblock_order } else { (index / PCP_TYPES) as u8 }
}

impl PerCpuPages {
    pub(crate) const fn new() -> Self {
        Self {
            count: 0,
            high: 0,
            sizes: PcpSizes { batch: 1, high_min: 0, high_max: 0 },
            free_factor: 0,
            alloc_factor: 0,
            free_count: 0,
            prev_free_high: false,
            lists: [List::EMPTY; NR_PCP_LISTS],
            hits: 0,
            misses: 0,
        }
    }

    pub(crate) fn set_sizes(&mut self, sizes: PcpSizes) {
        self.sizes = sizes;
        self.high = self.high.clamp(sizes.high_min, sizes.high_max.max(sizes.high_min));
    }

    /// How many blocks to take from the buddy system when a list is empty.
    fn refill(&mut self, rules: &Rules, order: u8, below_high: bool) -> u32 {
        let base = self.sizes.batch;
        let mut batch = base;
        if rules.pcp == PcpRule::AutoHigh {
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
        // A block of a higher order is several pages already, so fewer are taken, but two at least.
        if batch > 1 { (batch >> order).max(2) } else { batch }
    }
}

/// `__rmqueue_pcplist`: pops the head; an empty list is refilled first, blocks appended in the order the buddy system gave them.
#[inline]
pub(crate) fn rmqueue_pcplist(rules: &Rules, map: &mut MemMap, zone: &mut Zone, cpu: usize, request: &rmqueue::Request) -> Option<u32> {
    let index = list_index(rules, request.order, request.migratetype);
    let pcp = &mut zone.pcp[cpu];
    match rules.pcp {
        PcpRule::Textbook => {}
        PcpRule::FixedHigh => pcp.free_factor >>= 1,
        PcpRule::AutoHigh => pcp.free_count >>= 1,
    }
    if pcp.lists[index].is_empty() {
        pcp.misses += 1;
        refill(rules, map, zone, cpu, index, request);
    } else {
        pcp.hits += 1;
    }
    let pcp = &mut zone.pcp[cpu];
    let i = pcp.lists[index].pop_head(map)?;
    pcp.count -= 1 << request.order;
    Some(i)
}

/// `rmqueue_bulk`.
fn refill(rules: &Rules, map: &mut MemMap, zone: &mut Zone, cpu: usize, index: usize, request: &rmqueue::Request) {
    let below_high = zone.below_high;
    let blocks = zone.pcp[cpu].refill(rules, request.order, below_high);
    let mut mode = rmqueue::Mode::Normal;
    for _ in 0..blocks {
        let Some(i) = rmqueue::rmqueue(rules, map, zone, request, &mut mode) else { break };
        map.set_tag(i, Tag::new(BlockState::Pcp, request.order, request.migratetype, zone.id));
        let pcp = &mut zone.pcp[cpu];
        pcp.lists[index].push_tail(map, i);
        pcp.count += 1 << request.order;
    }
    zone.counters.lock_taken += 1;
}

/// `free_unref_page_commit`: pushes the block on the head and gives a batch back when the lists are over their limit.
#[inline]
pub(crate) fn free_to_pcp(rules: &Rules, map: &mut MemMap, zone: &mut Zone, cpu: usize, i: u32, order: u8, mt: Migratetype) {
    // High-atomic and CMA blocks are not worth lists of their own here.
    let mt = if mt.is_mergeable() { mt } else { Migratetype::Movable };
    let index = list_index(rules, order, mt);
    map.take_back(i, Tag::new(BlockState::Pcp, order, mt, zone.id));
    let reclaim_active = zone.reclaim_active;
    let below_high = zone.below_high;
    let pcp = &mut zone.pcp[cpu];
    pcp.lists[index].push_head(map, i);
    pcp.count += 1 << order;
    let surplus = match rules.pcp {
        PcpRule::Textbook => {
            if pcp.count >= pcp.sizes.high_min {
                pcp.sizes.batch
            } else {
                0
            }
        }
        PcpRule::FixedHigh => pcp.surplus_fixed(order, reclaim_active),
        PcpRule::AutoHigh => pcp.surplus_auto(rules, order, reclaim_active, below_high),
    };
    if surplus > 0 {
        drain(rules, map, zone, cpu, surplus, index);
        if zone.below_high && zone.nr_free > zone.marks.high + zone.boost {
            zone.below_high = false;
        }
    }
}

/// `free_pcppages_bulk`: gives `pages` back from the tails, starting with one list and going round the others.
pub(crate) fn drain(rules: &Rules, map: &mut MemMap, zone: &mut Zone, cpu: usize, pages: u32, first: usize) {
    let mut left = pages.min(zone.pcp[cpu].count) as i64;
    let mut index = first;
    let mut batch_free = 0;
    let last = if rules.pcp == PcpRule::Textbook { PCP_TYPES } else { NR_PCP_LISTS };
    while left > 0 {
        if rules.pcp == PcpRule::Textbook {
            // 2.6.34 goes round the lists and takes one more from each the longer it finds the others empty.
            loop {
                batch_free += 1;
                index = (index + 1) % last;
                if !zone.pcp[cpu].lists[index].is_empty() {
                    break;
                }
            }
        } else {
            while zone.pcp[cpu].lists[index].is_empty() {
                index = (index + 1) % last;
            }
        }
        let order = list_order(rules, index);
        while let Some(i) = zone.pcp[cpu].lists[index].pop_tail(map) {
            zone.pcp[cpu].count -= 1 << order;
            left -= 1 << order;
            batch_free -= 1;
            give_back(rules, map, zone, i, order);
            if left <= 0 || rules.pcp == PcpRule::Textbook && batch_free <= 0 {
                break;
            }
        }
        if rules.pcp == PcpRule::Textbook {
            batch_free = batch_free.max(0);
        }
    }
    zone.counters.lock_taken += 1;
    zone.counters.pcp_drains += 1;
}

/// Frees one block from a per-CPU list into the buddy system, under the type its generation uses: until 6.9 the type it was listed under,
/// unless its pageblock was isolated meanwhile; after that the type of its pageblock.
fn give_back(rules: &Rules, map: &mut MemMap, zone: &mut Zone, i: u32, order: u8) {
    let pfn = map.pfn(i);
    let listed = map.tag(i).migratetype();
    map.set_tag(i, Tag::NONE);
    let block = zone.pageblock_type(pfn);
    if rules.keeps_lists_pure() || block == Migratetype::Isolate {
        buddy::free_one_page(rules, map, zone, pfn, order, block);
    } else {
        buddy::free_one_page(rules, map, zone, pfn, order, listed);
    }
}

/// Puts a block on the tail of a list: a machine's initial state.
pub(crate) fn seed(rules: &Rules, map: &mut MemMap, zone: &mut Zone, cpu: usize, i: u32, order: u8, mt: Migratetype) {
    let mt = if mt.is_mergeable() { mt } else { Migratetype::Movable };
    map.set_tag(i, Tag::new(BlockState::Pcp, order, mt, zone.id));
    let pcp = &mut zone.pcp[cpu];
    pcp.lists[list_index(rules, order, mt)].push_tail(map, i);
    pcp.count += 1 << order;
}

/// The order and type of the blocks each list holds; a huge-page list of mixed types has none.
pub(crate) fn list_contents(rules: &Rules) -> impl Iterator<Item = (usize, u8, Option<Migratetype>)> + '_ {
    (0..NR_PCP_LISTS).map(|index| {
        let mt = (index < THP_LIST).then(|| Migratetype::from_index((index % PCP_TYPES) as u8));
        (index, list_order(rules, index), mt)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refill_doubles_with_each_run_of_allocations() {
        let rules = crate::Profile::V6_18.rules();
        let mut pcp = PerCpuPages::new();
        pcp.set_sizes(PcpSizes { batch: 63, high_min: 4960, high_max: 43008 });
        let refills: [u32; 7] = core::array::from_fn(|_| pcp.refill(&rules, 0, false));
        assert_eq!(refills, [63, 126, 252, 504, 1008, 2016, 2016]);
        assert_eq!(pcp.refill(&rules, 2, false), 15);
    }

    #[test]
    fn the_limit_decays_by_an_eighth_a_second() {
        let mut pcp = PerCpuPages::new();
        pcp.set_sizes(PcpSizes { batch: 63, high_min: 100, high_max: 43_008 });
        pcp.high = 8000;
        pcp.count = 7500;
        assert_eq!((pcp.decay(), pcp.high), (500, 7000));
        pcp.high = 105;
        pcp.count = 0;
        assert_eq!((pcp.decay(), pcp.high), (0, 100));
    }
}
