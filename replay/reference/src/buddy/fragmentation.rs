//! Fragmentation metrics by the kernel's own integer formulae (`mm/vmstat.c`, `mm/compaction.c`).

use crate::machine::NR_ORDERS;

/// The free blocks of one zone by order, from which the fragmentation metrics follow. All divisions round down, as the
/// kernel's do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FreeBlocks(
    /// The number of free blocks of all types, by order.
    pub [u64; NR_ORDERS],
);

impl FreeBlocks {
    /// Returns the number of free blocks of all orders.
    pub fn blocks(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Returns the number of free pages.
    pub fn pages(&self) -> u64 {
        self.0.iter().enumerate().map(|(o, n)| n << o).sum()
    }

    /// Returns the number of requests of this order that could be served at once.
    pub fn suitable(&self, order: u8) -> u64 {
        self.0.iter().enumerate().skip(usize::from(order)).map(|(o, n)| n << (o - usize::from(order))).sum()
    }

    /// Returns the unusable free space index in thousandths: the share of free memory that a request of this order
    /// cannot use.
    pub fn unusable_index(&self, order: u8) -> i64 {
        let free = self.pages();
        if free == 0 {
            return 1000;
        }
        ((free - (self.suitable(order) << order)) * 1000 / free).cast_signed()
    }

    /// Returns the external fragmentation index in thousandths: −1000 if a request of this order would succeed.
    /// Otherwise a value near 0 means that it fails for lack of memory, and a value near 1000 that it fails for
    /// fragmentation.
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

    /// `extfrag_for_order`: returns the percentage of free memory that is in blocks below this order.
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
