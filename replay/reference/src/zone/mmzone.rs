//! `struct zone`: the free lists, marks, per-CPU lists and counters of one zone.

use alloc::{collections::BTreeSet, vec, vec::Vec};

use super::{counters::ZoneCounters, per_cpu_pages::PerCpuPages, watermark::Watermarks};
use crate::{
    machine::{NR_ORDERS, NodeId, Rules, ZONE_TYPES, ZoneSpec, ZoneType},
    page::{
        MIGRATE_TYPES, Migratetype,
        list::{End, List},
        mem_map::MemMap,
        tag::{BlockState, Tag},
    },
};

/// `struct free_area`: the free blocks of one order, by mobility type.
#[derive(Default)]
pub(crate) struct FreeArea {
    pub(crate) lists: [List; MIGRATE_TYPES],
}

impl FreeArea {
    /// Returns the number of free blocks of all types.
    pub(crate) fn nr_free(&self) -> u64 {
        self.lists.iter().map(|list| u64::from(list.len())).sum()
    }
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
    /// For each type, a bit per order that says whether the list of that order has a block. It saves the scan over
    /// empty orders.
    non_empty: [u16; MIGRATE_TYPES],
    pub(crate) nr_free: u64,
    pub(crate) nr_free_cma: u64,
    pub(crate) nr_free_highatomic: u64,
    pub(crate) nr_free_isolated: u64,
    pub(crate) nr_reserved_highatomic: u64,
    /// The first frames of pageblocks that were reserved and are ordinary again. Their free blocks were not merged with
    /// free neighbours when they became ordinary.
    pub(crate) unreserved: BTreeSet<u64>,
    /// The pages that the model counts as allocated without having handed them out, minus those that it took back
    /// without having handed them out.
    pub(crate) adopted: i64,
    pub(crate) marks: Watermarks,
    pub(crate) boost: u64,
    pub(crate) lowmem_reserve: [u64; ZONE_TYPES],
    /// The number of free pages above which the zone is above its high mark for any request, by the highest zone of the
    /// request. See [`Self::reserve`].
    plenty: [u64; ZONE_TYPES],
    /// Whether the zone fell below its high mark since kswapd last ran (`ZONE_BELOW_HIGH`, 6.7 and later).
    pub(crate) below_high: bool,
    /// Whether kswapd or direct reclaim is at work on this zone (`ZONE_RECLAIM_ACTIVE`).
    pub(crate) reclaim_active: bool,
    pub(crate) pageblock_order: u8,
    /// The number of the first pageblock.
    first_pageblock: u64,
    pub(crate) pageblocks: Vec<Migratetype>,
    pub(crate) pcp: Vec<PerCpuPages>,
    pub(crate) counters: ZoneCounters,
}

impl Zone {
    pub(crate) fn new(id: u8, spec: &ZoneSpec, cpus: u16, rules: &Rules) -> Self {
        let pageblock_order = rules.pageblock_order;
        let end = spec.start_pfn + spec.spanned;
        let first_pageblock = spec.start_pfn >> pageblock_order;
        let blocks = end.div_ceil(1 << pageblock_order) - first_pageblock;
        // The boot code marks every pageblock movable (`memmap_init_zone`), so that unmovable pages cluster. Without
        // grouping by mobility there is only one type.
        let boot_type = if rules.mobility_grouping { Migratetype::Movable } else { Migratetype::Unmovable };
        Self {
            id,
            kind: spec.kind,
            node: spec.node,
            start: spec.start_pfn,
            end,
            present: spec.present,
            managed: spec.managed,
            free_area: Default::default(),
            non_empty: [0; MIGRATE_TYPES],
            nr_free: 0,
            nr_free_cma: 0,
            nr_free_highatomic: 0,
            nr_free_isolated: 0,
            nr_reserved_highatomic: 0,
            unreserved: BTreeSet::new(),
            adopted: 0,
            marks: Watermarks::default(),
            boost: 0,
            lowmem_reserve: [0; ZONE_TYPES],
            plenty: [0; ZONE_TYPES],
            below_high: false,
            reclaim_active: false,
            pageblock_order,
            first_pageblock,
            pageblocks: vec![boot_type; blocks as usize],
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
        ((pfn >> self.pageblock_order) - self.first_pageblock) as usize
    }

    /// `get_pageblock_migratetype`: returns the type of a frame's pageblock.
    #[inline]
    pub(crate) fn pageblock_type(&self, pfn: u64) -> Migratetype {
        self.pageblocks[self.block_index(pfn)]
    }

    /// `set_pageblock_migratetype`: sets the type of a frame's pageblock.
    pub(crate) fn set_pageblock_type(&mut self, pfn: u64, mt: Migratetype) {
        let i = self.block_index(pfn);
        self.pageblocks[i] = mt;
    }

    /// Returns the number of pageblocks of one type.
    pub(crate) fn pageblocks_of(&self, mt: Migratetype) -> u64 {
        self.pageblocks.iter().map(|block| u64::from(*block == mt)).sum()
    }

    /// `change_pageblock_range`: sets the type of every pageblock that a block of this order covers.
    pub(crate) fn change_pageblock_range(&mut self, pfn: u64, order: u8, mt: Migratetype) {
        for k in 0..1u64 << order.saturating_sub(self.pageblock_order) {
            self.set_pageblock_type(pfn + (k << self.pageblock_order), mt);
        }
    }

    /// Returns the first frame of the pageblock and the frame after its last, cut to the zone.
    pub(crate) fn pageblock_range(&self, pfn: u64) -> (u64, u64) {
        let start = pfn >> self.pageblock_order << self.pageblock_order;
        (start.max(self.start), (start + self.pageblock_pages()).min(self.end))
    }

    /// Adds `pages`, which may be negative, to the counts of free pages of this type.
    #[inline]
    pub(crate) fn account(&mut self, mt: Migratetype, pages: i64) {
        if mt.is_mergeable() {
            self.nr_free = self.nr_free.wrapping_add_signed(pages);
        } else {
            self.account_apart(mt, pages);
        }
    }

    /// Adds `pages` to the counts of a type that has a count of its own.
    #[cold]
    fn account_apart(&mut self, mt: Migratetype, pages: i64) {
        let add = |counter: &mut u64| *counter = counter.wrapping_add_signed(pages);
        match mt {
            Migratetype::Isolate => {
                add(&mut self.nr_free_isolated);
                return;
            }
            Migratetype::Cma => add(&mut self.nr_free_cma),
            _ => add(&mut self.nr_free_highatomic),
        }
        add(&mut self.nr_free);
        self.note_reserve();
    }

    /// Returns the number of free pages above which a request needs no full check of the marks: the high mark with its
    /// boost, and everything that is reserved for others.
    pub(crate) fn reserve(&self, highest: usize) -> u64 {
        let apart = self.nr_free_cma + self.nr_free_highatomic + self.nr_reserved_highatomic;
        // While kswapd has yet to be woken for a boost, every request makes the full check, and one of them wakes it.
        if self.counters.boosted {
            u64::MAX
        } else {
            self.marks.high + self.boost + self.lowmem_reserve[highest] + apart
        }
    }

    /// Recomputes `plenty` after a change of the marks or of the pages that are reserved for others.
    pub(crate) fn note_reserve(&mut self) {
        self.plenty = core::array::from_fn(|highest| self.reserve(highest));
    }

    /// Returns whether this number of pages may be taken without a full check of the marks.
    #[inline]
    pub(crate) fn has_plenty(&self, highest: usize, pages: u64) -> bool {
        self.nr_free.saturating_sub(pages) >= self.plenty[highest]
    }

    /// Returns whether `plenty` is up to date.
    pub(crate) fn reserve_is_noted(&self) -> bool {
        self.plenty.iter().enumerate().all(|(highest, noted)| *noted == self.reserve(highest))
    }

    /// Returns the tag of a free block of this order on the list of this type. The tag identifies the list.
    #[inline]
    pub(crate) fn free_tag(&self, order: u8, mt: Migratetype) -> Tag {
        Tag::new(BlockState::Buddy, order, mt, self.id)
    }

    #[inline]
    fn list(&mut self, free: Tag) -> &mut List {
        &mut self.free_area[usize::from(free.order())].lists[free.type_index()]
    }

    /// Puts a block on a free list. The caller updates the count of free pages.
    #[expect(clippy::inline_always, reason = "half of a free is this, and what it is told is known where it is called")]
    #[inline(always)]
    pub(crate) fn link(&mut self, map: &mut MemMap, i: u32, free: Tag, end: End) {
        map.set_tag(i, free);
        self.list(free).push(map, i, free, end);
        self.non_empty[free.type_index()] |= 1 << free.order();
    }

    /// Takes a block off its free list. The caller updates the count of free pages and the block's tag.
    #[expect(clippy::inline_always, reason = "half of a free is this, and what it is told is known where it is called")]
    #[inline(always)]
    pub(crate) fn unlink(&mut self, map: &MemMap, i: u32, free: Tag) {
        let list = self.list(free);
        list.remove(map, i, free);
        if list.is_empty() {
            self.note_empty(free);
        }
    }

    /// Takes the first block off a list, or returns `None` if the list is empty. The caller has the duties of
    /// [`Self::unlink`].
    #[inline]
    pub(crate) fn unlink_first(&mut self, map: &MemMap, free: Tag) -> Option<u32> {
        let list = self.list(free);
        let i = list.pop_head(map, free)?;
        if list.is_empty() {
            self.note_empty(free);
        }
        Some(i)
    }

    #[inline]
    fn note_empty(&mut self, free: Tag) {
        self.non_empty[free.type_index()] &= !(1 << free.order());
    }

    /// `add_to_free_list` and `add_to_free_list_tail`: put a block on a free list and count its pages.
    pub(crate) fn add_to_free_list(&mut self, map: &mut MemMap, i: u32, order: u8, mt: Migratetype, end: End) {
        self.link(map, i, self.free_tag(order, mt), end);
        self.account(mt, 1 << order);
    }

    /// `del_page_from_free_list`: takes a block off its free list, clears its tag and uncounts its pages.
    pub(crate) fn del_from_free_list(&mut self, map: &mut MemMap, i: u32, order: u8, mt: Migratetype) {
        self.unlink(map, i, self.free_tag(order, mt));
        map.clear_tag(i);
        self.account(mt, -(1 << order));
    }

    /// `move_to_free_list`: moves a block to the tail of another type's list.
    pub(crate) fn move_to_free_list(
        &mut self,
        map: &mut MemMap,
        i: u32,
        order: u8,
        from: Migratetype,
        to: Migratetype,
    ) {
        self.del_from_free_list(map, i, order, from);
        self.add_to_free_list(map, i, order, to, End::Tail);
    }

    /// Returns the smallest order ≥ `order` that has a free block of this type.
    #[inline]
    pub(crate) fn smallest_order(&self, order: u8, mt: Migratetype) -> Option<u8> {
        let orders = self.non_empty[mt.index()] >> order;
        (orders != 0).then(|| order + orders.trailing_zeros() as u8)
    }

    /// Returns the block at the head of a list.
    #[inline]
    pub(crate) fn first_free(&self, order: u8, mt: Migratetype) -> Option<u32> {
        self.free_area[usize::from(order)].lists[mt.index()].first()
    }

    /// Returns whether any of the types unmovable, movable and reclaimable has a free block of at least this order.
    #[inline]
    pub(crate) fn has_ordinary_block(&self, order: u8) -> bool {
        let [unmovable, movable, reclaimable, ..] = self.non_empty;
        (unmovable | movable | reclaimable) >> order != 0
    }

    /// Returns the number of pages on per-CPU lists.
    pub(crate) fn pcp_pages(&self) -> u64 {
        self.pcp.iter().map(|p| u64::from(p.count)).sum()
    }

    /// Returns the number of pages handed out so far.
    pub(crate) fn pages_allocated(&self) -> u64 {
        self.counters.allocated + self.pcp.iter().map(|p| p.quick_allocs.pages()).sum::<u64>()
    }

    /// Returns the number of pages taken back so far.
    pub(crate) fn pages_freed(&self) -> u64 {
        self.counters.freed + self.pcp.iter().map(|p| p.quick_frees.pages()).sum::<u64>()
    }

    /// Returns the number of pages in allocated blocks.
    pub(crate) fn nr_allocated(&self) -> u64 {
        (self.pages_allocated().cast_signed() - self.pages_freed().cast_signed() + self.adopted).cast_unsigned()
    }

    /// Returns the number of pages that were in use before the model began, in blocks of unknown extent.
    pub(crate) fn held(&self) -> i64 {
        self.managed.cast_signed()
            - (self.nr_free + self.nr_free_isolated + self.nr_allocated() + self.pcp_pages()).cast_signed()
    }
}
