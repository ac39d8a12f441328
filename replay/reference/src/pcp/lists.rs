//! The list of a CPU that a block belongs to.

use crate::{
    machine::{COSTLY_ORDER, PcpRule, Rules},
    page::{
        Migratetype, PCP_TYPES,
        mem_map::MemMap,
        tag::{BlockState, Tag},
    },
    zone::{
        mmzone::Zone,
        per_cpu_pages::{NR_PCP_LISTS, THP_LIST},
    },
};

/// `pcp_allowed_order`: returns whether blocks of this order are cached per CPU.
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

/// `pindex_to_order`: returns the order of the blocks on a list.
#[inline]
pub(super) fn list_order(rules: &Rules, index: usize) -> u8 {
    if index >= THP_LIST { rules.pageblock_order } else { (index / PCP_TYPES) as u8 }
}

/// Returns the index, the order and the type of each list. The type is `None` for a huge-page list, which mixes types.
pub(crate) fn list_contents(rules: &Rules) -> impl Iterator<Item = (usize, u8, Option<Migratetype>)> + '_ {
    (0..NR_PCP_LISTS).map(|index| {
        let mt = (index < THP_LIST).then(|| Migratetype::from_index((index % PCP_TYPES) as u8));
        (index, list_order(rules, index), mt)
    })
}

/// Puts a block on the tail of a list, to build a machine's initial state.
pub(crate) fn seed(rules: &Rules, map: &mut MemMap, zone: &mut Zone, cpu: usize, i: u32, order: u8, mt: Migratetype) {
    let mt = if mt.is_mergeable() { mt } else { Migratetype::Movable };
    map.set_tag(i, Tag::new(BlockState::Pcp, order, mt, zone.id));
    let pcp = &mut zone.pcp[cpu];
    pcp.lists[list_index(rules, order, mt)].push_tail(i);
    pcp.count += 1 << order;
}
