//! Freeing a block to a CPU's lists, which give a batch back to the buddy system when they are over their limit.

use core::mem;

use super::lists::{list_index, list_order};
use crate::{
    buddy::free_one_page::free_one_page,
    machine::{PcpRule, Rules},
    page::{
        Migratetype, PCP_TYPES,
        mem_map::MemMap,
        tag::{BlockState, Tag},
    },
    zone::{mmzone::Zone, per_cpu_pages::NR_PCP_LISTS},
};

/// `free_unref_page_commit`: pushes the block on the head of its list, and gives a batch back if the lists are over
/// their limit.
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
    // High-atomic and CMA blocks have no lists of their own here.
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

/// `free_pcppages_bulk`: gives `pages` back from the tails of the lists, beginning with the list `first` and continuing
/// with the others in turn.
pub(crate) fn drain(rules: &Rules, map: &mut MemMap, zone: &mut Zone, cpu: usize, pages: u32, first: usize) {
    let textbook = rules.pcp == PcpRule::Textbook;
    let mut left = pages.min(zone.pcp[cpu].count);
    let mut index = first;
    // 2.6.34 goes on to the next list after each turn. The more lists it has passed since the last turn, the more
    // blocks it takes from the next one.
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
        // The list is moved out of the zone meanwhile, because freeing needs the zone.
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

/// Frees one block from a per-CPU list into the buddy system, under the type that the generation prescribes. Until 6.9
/// this is the type of the list, unless the pageblock was isolated meanwhile; since 6.10 it is the type of the
/// pageblock.
#[expect(clippy::inline_always, reason = "per-CPU lists give back thousands of blocks in a row, all of one order")]
#[inline(always)]
fn give_back(rules: &Rules, map: &mut MemMap, zone: &mut Zone, i: u32, order: u8) {
    let block = zone.pageblock_type(map.pfn(i));
    let listed =
        if rules.keeps_lists_pure() || block == Migratetype::Isolate { block } else { map.tag(i).migratetype() };
    free_one_page(rules, map, zone, i, order, listed);
}
