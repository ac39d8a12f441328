//! The frames of one zone, and the pageblocks that they lie in.

use std::ops::Range;

use reference::{MIGRATE_TYPES, NR_ORDERS};

/// The number of free blocks by order and type.
pub(super) type FreeLists = [[u64; MIGRATE_TYPES]; NR_ORDERS];

/// The frames of a zone.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) pageblock_order: u8,
}

impl Span {
    pub(super) fn contains(self, pfn: u64) -> bool {
        (self.start..self.end).contains(&pfn)
    }

    /// Returns the number of the span's pageblocks, including those that it shares with a neighbour.
    pub(super) fn slots(self) -> usize {
        (self.end.div_ceil(1 << self.pageblock_order) - (self.start >> self.pageblock_order)) as usize
    }

    /// Returns the number of the pageblock that a frame is in, counted from the span's first.
    pub(super) fn slot(self, pfn: u64) -> usize {
        ((pfn >> self.pageblock_order) - (self.start >> self.pageblock_order)) as usize
    }

    /// Returns the frames of the pageblock with this number.
    pub(super) fn pageblock(self, slot: usize) -> Range<u64> {
        let first = ((self.start >> self.pageblock_order) + slot as u64) << self.pageblock_order;
        first.max(self.start)..(first + (1 << self.pageblock_order)).min(self.end)
    }
}
