//! The blocks that were free at the start, as far as the trace shows them.

use std::collections::{BTreeMap, HashSet};

use reference::{MAX_ORDER, NR_ORDERS};

use super::{frame::AtStart, history::FrameHistory, span::Span};

/// The free blocks of one zone.
pub(super) struct FreeFrames<'a> {
    history: &'a FrameHistory,
    span: Span,
    /// The blocks that the free frames form, by first frame, with their order.
    pub(super) blocks: BTreeMap<u64, u8>,
    /// The frames that may have been on pcp lists, but are taken to have been on a free list.
    listed: HashSet<u64>,
}

impl<'a> FreeFrames<'a> {
    /// Finds the free blocks of a zone. `nr_free` is the number of free blocks of each order.
    pub(super) fn find(history: &'a FrameHistory, zone: usize, span: Span, nr_free: [u64; NR_ORDERS]) -> Self {
        let mut free = Self { history, span, blocks: BTreeMap::new(), listed: HashSet::new() };
        free.find_certain();
        free.find_listed(zone, nr_free);
        free
    }

    /// Finds the blocks that the free frames form: around each free frame, the largest block in which every frame may
    /// have been free.
    fn find_certain(&mut self) {
        let mut pfn = self.span.start;
        while pfn < self.span.end {
            let AtStart::Free(_) = self.history.at_start(pfn) else {
                pfn += 1;
                continue;
            };
            let order = self.largest_around(pfn, |pfn| self.may_be_listed(pfn));
            let head = pfn >> order << order;
            self.blocks.insert(head, order);
            pfn = head + (1 << order);
        }
    }

    /// Decides which of the frames that may have been on pcp lists were on a free list: those that complete a block of
    /// an order of which too few blocks were found. Frames that were allocated last are tried first, because a CPU
    /// takes blocks from its pcp lists as long as it can.
    fn find_listed(&mut self, zone: usize, nr_free: [u64; NR_ORDERS]) {
        let mut missing = nr_free.map(u64::cast_signed);
        for order in self.blocks.values() {
            missing[usize::from(*order)] -= 1;
        }
        let blocks = self.history.pcp(zone).flat_map(|taken| taken.iter().rev());
        let mut rooms: [Vec<u64>; NR_ORDERS] = Default::default();
        let mut seen = HashSet::new();
        for pfn in blocks.flat_map(|block| block.pfn..block.pfn + (1 << block.order)) {
            if self.history.at_start(pfn) == AtStart::Either && self.span.contains(pfn) {
                let order = self.largest_around(pfn, |pfn| {
                    self.may_be_listed(pfn) || self.history.at_start(pfn) == AtStart::Either
                });
                let head = pfn >> order << order;
                if seen.insert(head) {
                    rooms[usize::from(order)].push(head);
                }
            }
        }
        for order in (0..=MAX_ORDER).rev() {
            for head in std::mem::take(&mut rooms[usize::from(order)]) {
                let block = head..head + (1 << order);
                if missing[usize::from(order)] > 0 {
                    missing[usize::from(order)] -= 1;
                    let parts: Vec<_> = self.blocks.range(block.clone()).map(|(head, order)| (*head, *order)).collect();
                    for (head, order) in parts {
                        self.blocks.remove(&head);
                        missing[usize::from(order)] += 1;
                    }
                    self.blocks.insert(head, order);
                    self.listed.extend(block.filter(|pfn| self.history.at_start(*pfn) == AtStart::Either));
                } else if let Some(below) = order.checked_sub(1) {
                    let halves = [head, head + (1 << below)].into_iter();
                    let undecided = halves.filter(|head| {
                        (*head..head + (1 << below)).any(|pfn| self.history.at_start(pfn) == AtStart::Either)
                    });
                    rooms[usize::from(below)].extend(undecided);
                }
            }
        }
    }

    /// Returns whether a frame may have been on a free list, as far as this is decided.
    pub(super) fn may_be_listed(&self, pfn: u64) -> bool {
        match self.history.at_start(pfn) {
            AtStart::Free(_) | AtStart::Untold => true,
            AtStart::Either => self.listed.contains(&pfn),
            AtStart::Held(_) | AtStart::Quiet | AtStart::Unlisted => false,
        }
    }

    /// Returns the order of the largest block around a frame in which all frames may be free.
    fn largest_around(&self, pfn: u64, may_be_free: impl Fn(u64) -> bool) -> u8 {
        let mut order = 0;
        while order < MAX_ORDER {
            let (head, pages) = (pfn >> (order + 1) << (order + 1), 1u64 << (order + 1));
            let other_half = if head == pfn >> order << order { head + pages / 2 } else { head };
            let inside = self.span.contains(head) && self.span.contains(head + pages - 1);
            if !inside || !(other_half..other_half + pages / 2).all(&may_be_free) {
                break;
            }
            order += 1;
        }
        order
    }
}
