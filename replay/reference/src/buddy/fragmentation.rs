//! Fragmentation metrics by the kernel's own integer formulae (`mm/vmstat.c`, `mm/compaction.c`).

use crate::machine::NR_ORDERS;

/// Free blocks by order of one zone, and what they say about fragmentation. All divisions are the kernel's, rounding
/// down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FreeBlocks(
    /// Number of free blocks, all types, by order.
    pub [u64; NR_ORDERS],
);

impl FreeBlocks {
    /// Free blocks in all.
    pub fn blocks(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Free pages in all.
    pub fn pages(&self) -> u64 {
        self.0.iter().enumerate().map(|(o, n)| n << o).sum()
    }

    /// How many requests of this order could be served at once.
    pub fn suitable(&self, order: u8) -> u64 {
        self.0.iter().enumerate().skip(usize::from(order)).map(|(o, n)| n << (o - usize::from(order))).sum()
    }

    /// Unusable free space index, in thousandths: the share of free memory that a request of this order cannot use.
    pub fn unusable_index(&self, order: u8) -> i64 {
        let free = self.pages();
        if free == 0 {
            return 1000;
        }
        ((free - (self.suitable(order) << order)) * 1000 / free).cast_signed()
    }

    /// External fragmentation index, in thousandths: −1000 if the request would succeed; otherwise towards 0 it fails
    /// for lack of memory, towards 1000 for fragmentation.
    pub fn extfrag_index(&self, order: u8) -> i64 {
        let blocks = self.blocks().cast_signed();
        if blocks == 0 {
            return 0;
        }
        if self.suitable(order) > 0 {
            return -1000;
        }
        let requested = 1i64 << order;
        1000 - (1000 + self.pages().cast_signed() * 1000 / requested) / blocks
    }

    /// `extfrag_for_order`: percent of free memory in blocks below this order.
    pub fn extfrag_for_order(&self, order: u8) -> u64 {
        let free = self.pages();
        ((free - (self.suitable(order) << order)) * 100).checked_div(free).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_zone_and_a_whole_one() {
        let none = FreeBlocks([0; NR_ORDERS]);
        assert_eq!((none.unusable_index(3), none.extfrag_index(3), none.extfrag_for_order(3)), (1000, 0, 0));
        let mut one = none;
        one.0[10] = 5;
        assert_eq!((one.unusable_index(10), one.extfrag_index(10)), (0, -1000));
    }

    #[test]
    fn single_pages_are_useless_for_larger_orders() {
        let mut free = FreeBlocks([0; NR_ORDERS]);
        free.0[0] = 1000;
        assert_eq!(free.unusable_index(0), 0);
        assert_eq!(free.unusable_index(3), 1000);
        // 1000 − (1000 + 1000·1000/8) / 1000
        assert_eq!(free.extfrag_index(3), 874);
        assert_eq!(free.extfrag_for_order(1), 100);
    }
}
