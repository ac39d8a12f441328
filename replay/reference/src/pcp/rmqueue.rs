//! Taking a block from a CPU's lists, which are refilled from the buddy system when they are empty.

use core::mem;

use super::lists::list_index;
use crate::{
    buddy::{
        request::{Mode, Request},
        rmqueue::rmqueue,
    },
    machine::Rules,
    page::{
        mem_map::MemMap,
        tag::{BlockState, Tag},
    },
    zone::mmzone::Zone,
};

/// `__rmqueue_pcplist`: pops the head of the list. An empty list is refilled first, with the blocks in the order in
/// which the buddy system gave them.
#[inline]
pub(crate) fn rmqueue_pcplist(
    rules: &Rules,
    map: &mut MemMap,
    zone: &mut Zone,
    cpu: usize,
    request: &Request,
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

/// `rmqueue_bulk`: fills an empty list with blocks from the buddy system.
fn refill(rules: &Rules, map: &mut MemMap, zone: &mut Zone, cpu: usize, index: usize, request: &Request) {
    let below_high = zone.below_high;
    let blocks = zone.pcp[cpu].refill(rules, request.order, below_high);
    let mut mode = Mode::Normal;
    // The list is moved out of the zone meanwhile, because taking blocks needs the zone.
    let mut list = mem::take(&mut zone.pcp[cpu].lists[index]);
    let tag = Tag::new(BlockState::Pcp, request.order, request.migratetype, zone.id);
    list.fill((0..blocks).map_while(|_| {
        let i = rmqueue(rules, map, zone, request, &mut mode)?;
        map.set_tag(i, tag);
        Some(i)
    }));
    let pcp = &mut zone.pcp[cpu];
    pcp.count += (list.len() as u32) << request.order;
    pcp.lists[index] = list;
    zone.counters.lock_taken += 1;
}
