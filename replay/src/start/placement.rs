//! The placement of the free blocks and pcp pages of a zone in the model.

use reference::{Cpu, FrameState, MAX_ORDER, Migratetype, Misuse, NR_ORDERS, Order, PageAllocator, Pfn, ZoneId};

use super::{
    frame::AtStart,
    free::FreeFrames,
    history::FrameHistory,
    span::{FreeLists, Span},
};

/// The placement of the free blocks and pcp pages of one zone.
pub(super) struct Placement<'a> {
    pub(super) mm: &'a mut PageAllocator,
    pub(super) history: &'a FrameHistory,
    pub(super) zone: ZoneId,
    pub(super) span: Span,
    pub(super) free: FreeFrames<'a>,
    /// The type of each pageblock.
    pub(super) types: Vec<Migratetype>,
    /// The number of blocks that are still to be placed, by order and type.
    pub(super) wanted: FreeLists,
    /// The number of pages that are still to be put on each CPU's lists.
    pub(super) pcp: Vec<u64>,
}

impl Placement<'_> {
    /// Places the blocks and pages, and returns the number of free pages that found no place.
    pub(super) fn place(mut self) -> u64 {
        for (slot, mt) in self.types.iter().enumerate() {
            // This cannot fail, because the pageblock lies in the zone.
            let _ = self.mm.seed_pageblock(Pfn(self.span.pageblock(slot).start), *mt);
        }
        self.place_found();
        self.place_rest();
        self.place_pcp();
        let left = self.wanted.iter().enumerate();
        left.map(|(order, types)| types.iter().sum::<u64>() << order).sum::<u64>() + self.pcp.iter().sum::<u64>()
    }

    /// Places the free blocks that were found, from the largest down. A block that is not wanted is divided in half,
    /// and the halves are tried with the next lower order.
    fn place_found(&mut self) {
        let mut found: [Vec<u64>; NR_ORDERS] = Default::default();
        for (head, order) in &self.free.blocks {
            found[usize::from(*order)].push(*head);
        }
        for order in (0..=MAX_ORDER).rev() {
            let mut heads = std::mem::take(&mut found[usize::from(order)]);
            heads.retain(|head| !self.put(*head, order, true));
            heads.retain(|head| !self.put(*head, order, false));
            if let Some(below) = order.checked_sub(1) {
                let told =
                    |head: &u64| (*head..head + (1 << below)).any(|pfn| self.history.at_start(pfn) != AtStart::Untold);
                let halves = |head| [head, head + (1 << below)].into_iter().filter(told);
                found[usize::from(below)].extend(heads.into_iter().flat_map(halves));
            }
        }
    }

    /// Places a block if one of this order is still wanted. It is counted for the type of its pageblock, or for another
    /// type if `of_its_type` is false. Returns whether the block was placed.
    fn put(&mut self, head: u64, order: u8, of_its_type: bool) -> bool {
        let mt = self.types[self.span.slot(head)];
        let wanted = self.wanted[usize::from(order)];
        let most = wanted.iter().enumerate().max_by_key(|(_, left)| **left).map_or(0, |(mt, _)| mt);
        let counts_as = if wanted[mt.index()] > 0 { mt.index() } else { most };
        if wanted[counts_as] == 0 || of_its_type && counts_as != mt.index() {
            return false;
        }
        let buddy = Pfn(head ^ 1 << order);
        let would_merge = order < MAX_ORDER
            && matches!(self.mm.frame(buddy), FrameState::Free { head, order: o, .. } if head == buddy && o.0 == order)
            && self.mm.zone_of(buddy) == Some(self.zone);
        let of_one_type =
            self.types[self.span.slot(head)..=self.span.slot(head + (1 << order) - 1)].iter().all(|t| *t == mt);
        if would_merge || !of_one_type || self.mm.seed_free_block(Pfn(head), Order(order), mt).is_err() {
            return false;
        }
        self.wanted[usize::from(order)][counts_as] -= 1;
        true
    }

    /// Places the remaining blocks, from the zone's end down, where nothing shows that a frame was in use.
    fn place_rest(&mut self) {
        for order in (0..=MAX_ORDER).rev() {
            for of_its_type in [true, false] {
                let pages = 1u64 << order;
                let mut head = self.span.end >> order << order;
                while self.wanted[usize::from(order)].iter().any(|n| *n > 0) {
                    let Some(next) = head.checked_sub(pages).filter(|h| *h >= self.span.start) else { break };
                    head = next;
                    let may_be_free =
                        |pfn| self.free.may_be_listed(pfn) || self.history.at_start(pfn) == AtStart::Either;
                    if self.mm.is_held(Pfn(head), Order(order)) && (head..head + pages).all(may_be_free) {
                        self.put(head, order, of_its_type);
                    }
                }
            }
        }
    }

    /// Places the pages that were on pcp lists: first the blocks that events show, in the order in which they were
    /// taken, then any other pages. Pages that are known to be untouched were on lists that never ran empty, so they go
    /// to the type that is requested least. If nothing is known of the pages, they are spread evenly over the types.
    fn place_pcp(&mut self) {
        let history = self.history;
        for (cpu, taken) in history.pcp(usize::from(self.zone.0)).enumerate() {
            for block in taken {
                if self.pcp[cpu] >= 1 << block.order && !self.free.may_be_listed(block.pfn) {
                    let mt = block.migratetype.unwrap_or(self.types[self.span.slot(block.pfn)]);
                    self.put_on_pcp(cpu, block.pfn, Order(block.order), mt);
                }
            }
        }
        let mut cpu = 0;
        let least_asked = history.least_asked(usize::from(self.zone.0));
        let mut of_each = Migratetype::ALL.into_iter().filter(|mt| mt.is_mergeable()).cycle();
        for untouched in [AtStart::Untold, AtStart::Quiet] {
            for pfn in self.span.start..self.span.end {
                while self.pcp.get(cpu) == Some(&0) {
                    cpu += 1;
                }
                if cpu >= self.pcp.len() {
                    return;
                }
                if history.at_start(pfn) == untouched {
                    let any = of_each.next().filter(|_| untouched == AtStart::Untold);
                    self.put_on_pcp(cpu, pfn, Order(0), any.unwrap_or(least_asked));
                }
            }
        }
    }

    fn put_on_pcp(&mut self, cpu: usize, pfn: u64, order: Order, mt: Migratetype) {
        let mt = if mt.is_mergeable() { mt } else { Migratetype::Movable };
        // In a model without per-CPU lists these pages become free like the others.
        let seeded =
            self.mm.seed_pcp_block(Pfn(pfn), order, mt, Cpu(cpu as u16)).or_else(|_| self.free_instead(pfn, order));
        if seeded.is_ok() {
            self.pcp[cpu] = self.pcp[cpu].saturating_sub(order.pages());
        }
    }

    fn free_instead(&mut self, pfn: u64, order: Order) -> Result<(), Misuse> {
        if self.mm.config().rules.per_cpu_lists {
            return Err(Misuse::NotAllocated(Pfn(pfn)));
        }
        self.mm.free_held(Pfn(pfn), order, Cpu(0))
    }
}
