//! `struct zone`: free lists, marks, per-CPU lists and counters of one zone.

use alloc::{vec, vec::Vec};

use crate::{
    Migratetype, NodeId, Rules, Watermarks, ZONE_TYPES, ZoneType,
    ids::NR_ORDERS,
    layout::ZoneSpec,
    list::List,
    mem_map::{BlockState, MemMap, Tag},
    migratetype::MIGRATE_TYPES,
    pcp::PerCpuPages,
    stats::ZoneCounters,
};

/// Free blocks of one order, by mobility type.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FreeArea {
    pub(crate) lists: [List; MIGRATE_TYPES],
    pub(crate) nr_free: u32,
}

impl FreeArea {
    const EMPTY: Self = Self { lists: [List::EMPTY; MIGRATE_TYPES], nr_free: 0 };
}

/// Which end of a free list a block is put on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Head,
    Tail,
}

/// One populated zone.
pub(crate) struct Zone {
    pub(crate) id: u8,
    pub(crate) kind: ZoneType,
    pub(crate) node: NodeId,
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) present: u64,
    pub(crate) managed: u64,
    pub(crate) free_area: [FreeArea; NR_ORDERS],
    /// Bit o of entry t: the list of order o and type t has a block. Saves the scan over empty orders.
    non_empty: [u16; MIGRATE_TYPES],
    pub(crate) nr_free: u64,
    pub(crate) nr_free_cma: u64,
    pub(crate) nr_free_highatomic: u64,
    pub(crate) nr_free_isolated: u64,
    pub(crate) nr_reserved_highatomic: u64,
    pub(crate) nr_allocated: u64,
    pub(crate) marks: Watermarks,
    pub(crate) boost: u64,
    pub(crate) lowmem_reserve: [u64; ZONE_TYPES],
    /// The zone fell below its high mark since kswapd last ran (`ZONE_BELOW_HIGH`, 6.7+).
    pub(crate) below_high: bool,
    /// kswapd or direct reclaim works on this zone (`ZONE_RECLAIM_ACTIVE`).
    pub(crate) reclaim_active: bool,
    pub(crate) pageblock_order: u8,
    pub(crate) pageblocks: Vec<u8>,
    pub(crate) pcp: Vec<PerCpuPages>,
    pub(crate) counters: ZoneCounters,
}

impl Zone {
    pub(crate) fn new(id: u8, spec: &ZoneSpec, cpus: u16, rules: &Rules) -> Self {
        let pageblock_order = rules.pageblock_order;
        let end = spec.start_pfn + spec.spanned;
        let blocks = end.div_ceil(1 << pageblock_order) - (spec.start_pfn >> pageblock_order);
        // Boot marks every pageblock movable (`memmap_init_zone`), so that unmovable ones cluster; without grouping there is one type only.
        let boot_type = if rules.mobility_grouping { Migratetype::Movable } else { Migratetype::Unmovable };
        Self {
            id,
            kind: spec.kind,
            node: spec.node,
            start: spec.start_pfn,
            end,
            present: spec.present,
            managed: spec.managed,
            free_area: [FreeArea::EMPTY; NR_ORDERS],
            non_empty: [0; MIGRATE_TYPES],
            nr_free: 0,
            nr_free_cma: 0,
            nr_free_highatomic: 0,
            nr_free_isolated: 0,
            nr_reserved_highatomic: 0,
            nr_allocated: 0,
            marks: Watermarks::default(),
            boost: 0,
            lowmem_reserve: [0; ZONE_TYPES],
            below_high: false,
            reclaim_active: false,
            pageblock_order,
            pageblocks: vec![boot_type as u8; blocks as usize],
            pcp: (0..cpus.max(1)).map(|_| PerCpuPages::new()).collect(),
            counters: ZoneCounters::default(),
        }
    }

    #[inline]
    pub(crate) fn spans(&self, pfn: u64) -> bool {
        pfn >= self.start && pfn < self.end
    }

    #[inline]
    pub(crate) fn pageblock_pages(&self) -> u64 {
        1 << self.pageblock_order
    }

    #[inline]
    fn block_index(&self, pfn: u64) -> usize {
        ((pfn >> self.pageblock_order) - (self.start >> self.pageblock_order)) as usize
    }

    /// `get_pageblock_migratetype`.
    #[inline]
    pub(crate) fn pageblock_type(&self, pfn: u64) -> Migratetype {
        Migratetype::from_index(self.pageblocks[self.block_index(pfn)])
    }

    /// `set_pageblock_migratetype`.
    pub(crate) fn set_pageblock_type(&mut self, pfn: u64, mt: Migratetype) {
        let i = self.block_index(pfn);
        self.pageblocks[i] = mt as u8;
    }

    /// Pageblocks of one type.
    pub(crate) fn pageblocks_of(&self, mt: Migratetype) -> u64 {
        self.pageblocks.iter().map(|block| u64::from(*block == mt as u8)).sum()
    }

    /// `change_pageblock_range`: every pageblock a block of this order covers.
    pub(crate) fn change_pageblock_range(&mut self, pfn: u64, order: u8, mt: Migratetype) {
        for k in 0..1u64 << order.saturating_sub(self.pageblock_order) {
            self.set_pageblock_type(pfn + (k << self.pageblock_order), mt);
        }
    }

    /// First and last-plus-one frame of the pageblock, cut to the zone.
    pub(crate) fn pageblock_range(&self, pfn: u64) -> (u64, u64) {
        let start = pfn >> self.pageblock_order << self.pageblock_order;
        (start.max(self.start), (start + self.pageblock_pages()).min(self.end))
    }

    /// Books `pages` as free (or no longer free) pages of this type.
    #[inline]
    fn account(&mut self, mt: Migratetype, pages: i64) {
        let add = |counter: &mut u64| *counter = counter.wrapping_add_signed(pages);
        match mt {
            Migratetype::Isolate => {
                add(&mut self.nr_free_isolated);
                return;
            }
            Migratetype::Cma => add(&mut self.nr_free_cma),
            Migratetype::HighAtomic => add(&mut self.nr_free_highatomic),
            _ => {}
        }
        add(&mut self.nr_free);
    }

    /// `add_to_free_list`, `add_to_free_list_tail`.
    #[inline]
    pub(crate) fn add_to_free_list(&mut self, map: &mut MemMap, i: u32, order: u8, mt: Migratetype, end: End) {
        map.set_tag(i, Tag::new(BlockState::Buddy, order, mt, self.id));
        let area = &mut self.free_area[usize::from(order)];
        let list = &mut area.lists[mt.index()];
        match end {
            End::Head => list.push_head(map, i),
            End::Tail => list.push_tail(map, i),
        }
        area.nr_free += 1;
        self.non_empty[mt.index()] |= 1 << order;
        self.account(mt, 1 << order);
    }

    /// `del_page_from_free_list`. The block's tag is cleared.
    #[inline]
    pub(crate) fn del_from_free_list(&mut self, map: &mut MemMap, i: u32, order: u8, mt: Migratetype) {
        map.set_tag(i, Tag::NONE);
        let area = &mut self.free_area[usize::from(order)];
        let list = &mut area.lists[mt.index()];
        list.remove(map, i);
        area.nr_free -= 1;
        if list.is_empty() {
            self.non_empty[mt.index()] &= !(1 << order);
        }
        self.account(mt, -(1 << order));
    }

    /// `move_to_free_list`: to the tail of another type's list.
    pub(crate) fn move_to_free_list(&mut self, map: &mut MemMap, i: u32, order: u8, from: Migratetype, to: Migratetype) {
        self.del_from_free_list(map, i, order, from);
        self.add_to_free_list(map, i, order, to, End::Tail);
    }

    /// The smallest order ≥ `order` with a free block of this type.
    #[inline]
    pub(crate) fn smallest_order(&self, order: u8, mt: Migratetype) -> Option<u8> {
        let orders = self.non_empty[mt.index()] >> order;
        (orders != 0).then(|| order + orders.trailing_zeros() as u8)
    }

    /// The block at the head of a list.
    #[inline]
    pub(crate) fn first_free(&self, order: u8, mt: Migratetype) -> Option<u32> {
        self.free_area[usize::from(order)].lists[mt.index()].first()
    }

    /// Pages on per-CPU lists.
    pub(crate) fn pcp_pages(&self) -> u64 {
        self.pcp.iter().map(|p| u64::from(p.count)).sum()
    }

    /// Pages that were in use before the model began and are of unknown extent.
    pub(crate) fn held(&self) -> i64 {
        self.managed.cast_signed() - (self.nr_free + self.nr_free_isolated + self.nr_allocated + self.pcp_pages()).cast_signed()
    }
}
