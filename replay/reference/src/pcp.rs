//! Per-CPU page lists: the cache in front of each zone that needs no zone lock.

mod dynamics;
mod queue;
mod sizes;

pub use sizes::{PcpSizes, pcp_sizes, pcp_sizes_textbook};

use core::mem;

use crate::{
    Migratetype, PcpRule, Rules, buddy,
    ids::{COSTLY_ORDER, NR_ORDERS},
    mem_map::{BlockState, MemMap, Tag},
    migratetype::PCP_TYPES,
    pcp::queue::Queue,
    rmqueue,
    zone::Zone,
};

/// Lists per CPU and zone: orders 0 to 3 by three types, and two for huge pages (`NR_PCP_LISTS`; 6.1 uses one of the
/// two).
const NR_PCP_LISTS: usize = PCP_TYPES * (COSTLY_ORDER as usize + 1) + 2;
/// First of the two huge-page lists.
const THP_LIST: usize = NR_PCP_LISTS - 2;
/// `CONFIG_PCP_BATCH_SCALE_MAX`: how often a batch may double.
const BATCH_SCALE_MAX: u32 = 5;

/// `struct per_cpu_pages`.
pub(crate) struct PerCpuPages {
    pub(crate) count: u32,
    /// Pages from which on some are given back; before 6.7 always `sizes.high_min`, without per-CPU lists 0.
    pub(crate) high: u32,
    pub(crate) sizes: PcpSizes,
    /// How much was freed of late; every allocation halves it. 6.1 counts doublings of the next batch to free
    /// (`free_factor`), 6.7+ pages (`free_count`).
    pub(crate) freed_of_late: u32,
    /// Up to where single frees raise that: `batch << CONFIG_PCP_BATCH_SCALE_MAX` since 6.7, else not at all.
    freed_of_late_most: u32,
    /// That many make a run: if it was of orders 1 to 3, the lists are emptied (`free_high`).
    pub(crate) free_high_from: u32,
    /// 6.7+: doublings of the next batch to take.
    alloc_factor: u32,
    /// The last free was of orders 1 to 3 (`PCPF_PREV_FREE_HIGH_ORDER`, 6.7+).
    pub(crate) prev_free_high: bool,
    pub(crate) lists: [Queue; NR_PCP_LISTS],
    /// Requests and frees that took the short path, by order; they are counted nowhere else.
    pub(crate) quick_allocs: ByOrder,
    pub(crate) quick_frees: ByOrder,
    /// Requests served without the zone lock.
    pub(crate) hits: u64,
    /// Requests that had to refill first.
    pub(crate) misses: u64,
}

/// How often something happened, by order.
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
pub(crate) fn list_index(rules: &Rules, order: u8, mt: Migratetype) -> usize {
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
            // 0 until the lists are used for the first time.
            (true, true) if self.high == 0 => 0,
            (true, true) => self.within_bounds(self.high),
            (true, false) => sizes.high_min,
        };
        self.freed_of_late_most = if moves { sizes.batch << BATCH_SCALE_MAX } else { 0 };
    }

    pub(crate) fn within_bounds(&self, high: u32) -> u32 {
        high.clamp(self.sizes.high_min, self.sizes.high_max.max(self.sizes.high_min))
    }

    /// How many blocks to take from the buddy system when a list is empty.
    fn refill(&mut self, rules: &Rules, order: u8, below_high: bool) -> u32 {
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
        // A block of a higher order is several pages already, so fewer are taken, but two at least.
        if batch > 1 { (batch >> order).max(2) } else { batch }
    }
}

/// `__rmqueue_pcplist`: pops the head; an empty list is refilled first, blocks appended in the order the buddy system
/// gave them.
#[inline]
pub(crate) fn rmqueue_pcplist(
    rules: &Rules,
    map: &mut MemMap,
    zone: &mut Zone,
    cpu: usize,
    request: &rmqueue::Request,
) -> Option<u32> {
    let index = list_index(rules, request.order, request.migratetype);
    let pcp = &mut zone.pcp[cpu];
    pcp.freed_of_late >>= 1;
    if pcp.lists[index].is_empty() {
        pcp.misses += 1;
        refill(rules, map, zone, cpu, index, request);
    } else {
        pcp.hits += 1;
    }
    let pcp = &mut zone.pcp[cpu];
    let i = pcp.lists[index].pop_head()?;
    pcp.count -= 1 << request.order;
    Some(i)
}

/// `rmqueue_bulk`.
fn refill(rules: &Rules, map: &mut MemMap, zone: &mut Zone, cpu: usize, index: usize, request: &rmqueue::Request) {
    let below_high = zone.below_high;
    let blocks = zone.pcp[cpu].refill(rules, request.order, below_high);
    let mut mode = rmqueue::Mode::Normal;
    // Out of the zone for the time being, since taking blocks needs the zone.
    let mut list = mem::take(&mut zone.pcp[cpu].lists[index]);
    let tag = Tag::new(BlockState::Pcp, request.order, request.migratetype, zone.id);
    list.fill((0..blocks).map_while(|_| {
        let i = rmqueue::rmqueue(rules, map, zone, request, &mut mode)?;
        map.set_tag(i, tag);
        Some(i)
    }));
    let pcp = &mut zone.pcp[cpu];
    pcp.count += (list.len() as u32) << request.order;
    pcp.lists[index] = list;
    zone.counters.lock_taken += 1;
}

/// `free_unref_page_commit`: pushes the block on the head and gives a batch back when the lists are over their limit.
#[inline]
pub(crate) fn free_to_pcp(
    rules: &Rules,
    map: &mut MemMap,
    zone: &mut Zone,
    cpu: usize,
    i: u32,
    order: u8,
    mt: Migratetype,
) {
    // High-atomic and CMA blocks are not worth lists of their own here.
    let mt = if mt.is_mergeable() { mt } else { Migratetype::Movable };
    let index = list_index(rules, order, mt);
    map.set_tag(i, Tag::new(BlockState::Pcp, order, mt, zone.id));
    let reclaim_active = zone.reclaim_active;
    let below_high = zone.below_high;
    let pcp = &mut zone.pcp[cpu];
    pcp.lists[index].push_head(i);
    pcp.count += 1 << order;
    let surplus = match rules.pcp {
        PcpRule::Textbook => {
            if pcp.count >= pcp.high {
                pcp.sizes.batch
            } else {
                0
            }
        }
        PcpRule::FixedHigh => pcp.surplus_fixed(order, reclaim_active),
        PcpRule::AutoHigh => pcp.surplus_auto(order, reclaim_active, below_high),
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
    let textbook = rules.pcp == PcpRule::Textbook;
    let mut left = pages.min(zone.pcp[cpu].count);
    let mut index = first;
    // 2.6.34 goes on to the next list each time, and takes one block more from each the longer it finds the others
    // empty.
    let mut turns = 0;
    while left > 0 {
        if textbook {
            (index, turns) = ((index + 1) % PCP_TYPES, turns + 1);
        }
        while zone.pcp[cpu].lists[index].is_empty() {
            (index, turns) =
                if textbook { ((index + 1) % PCP_TYPES, turns + 1) } else { ((index + 1) % NR_PCP_LISTS, 0) };
        }
        let order = list_order(rules, index);
        // Out of the zone for the time being, since freeing needs the zone.
        let mut list = mem::take(&mut zone.pcp[cpu].lists[index]);
        let wanted = left.div_ceil(1 << order) as usize;
        let blocks = list.len().min(if textbook { wanted.min(turns) } else { wanted });
        list.drain_tail(blocks, |some| {
            map.touch(some);
            for i in some {
                give_back(rules, map, zone, *i, order);
            }
        });
        turns = turns.saturating_sub(blocks);
        let pcp = &mut zone.pcp[cpu];
        pcp.lists[index] = list;
        pcp.count -= (blocks as u32) << order;
        left = left.saturating_sub((blocks as u32) << order);
    }
    zone.counters.lock_taken += 1;
    zone.counters.pcp_drains += 1;
}

/// Frees one block from a per-CPU list into the buddy system, under the type its generation uses: until 6.9 the type it
/// was listed under, unless its pageblock was isolated meanwhile; after that the type of its pageblock.
#[expect(clippy::inline_always, reason = "per-CPU lists give back thousands of blocks in a row, all of one order")]
#[inline(always)]
fn give_back(rules: &Rules, map: &mut MemMap, zone: &mut Zone, i: u32, order: u8) {
    let block = zone.pageblock_type(map.pfn(i));
    let listed =
        if rules.keeps_lists_pure() || block == Migratetype::Isolate { block } else { map.tag(i).migratetype() };
    buddy::free_one_page(rules, map, zone, i, order, listed);
}

/// Puts a block on the tail of a list: a machine's initial state.
pub(crate) fn seed(rules: &Rules, map: &mut MemMap, zone: &mut Zone, cpu: usize, i: u32, order: u8, mt: Migratetype) {
    let mt = if mt.is_mergeable() { mt } else { Migratetype::Movable };
    map.set_tag(i, Tag::new(BlockState::Pcp, order, mt, zone.id));
    let pcp = &mut zone.pcp[cpu];
    pcp.lists[list_index(rules, order, mt)].push_tail(i);
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
        let rules = crate::Generation::V6_18.rules();
        let mut pcp = PerCpuPages::new();
        pcp.set_sizes(&rules, PcpSizes { batch: 63, high_min: 4960, high_max: 43008 });
        let refills: [u32; 7] = core::array::from_fn(|_| pcp.refill(&rules, 0, false));
        assert_eq!(refills, [63, 126, 252, 504, 1008, 2016, 2016]);
        assert_eq!(pcp.refill(&rules, 2, false), 15);
        // A free halves what the next refill may take; two blocks are taken at least.
        pcp.note_free(0);
        assert_eq!(pcp.refill(&rules, 0, false), 252);
        pcp.set_sizes(&rules, PcpSizes { batch: 7, high_min: 100, high_max: 100 });
        assert_eq!(pcp.refill(&rules, 3, false), 2);
    }

    #[test]
    fn the_limit_decays_by_an_eighth_a_second() {
        let mut pcp = PerCpuPages::new();
        pcp.set_sizes(&crate::Generation::V6_18.rules(), PcpSizes { batch: 63, high_min: 100, high_max: 43_008 });
        pcp.high = 8000;
        pcp.count = 7500;
        assert_eq!((pcp.decay(), pcp.high), (500, 7000));
        pcp.high = 105;
        pcp.count = 0;
        assert_eq!((pcp.decay(), pcp.high), (0, 100));
    }
}
