//! The kernel's own integer formulae of how broken up free memory is (`mm/vmstat.c`).

/// `unusable_free_index`: which share of the free memory is of no use for an allocation of this order, in thousandths:
/// 0 = all of it is usable, 1000 = none. As in debugfs `extfrag/unusable_index`.
pub fn unusable_index(nr_free: &[u64], order: usize) -> i64 {
    let free_pages = pages(nr_free);
    if free_pages == 0 {
        return 1000;
    }
    ((free_pages - (suitable(nr_free, order) << order)) * 1000 / free_pages) as i64
}

/// `__fragmentation_index`: why an allocation of this order would fail, in thousandths: towards 0 for want of memory,
/// towards 1000 because of fragmentation; -1000 if it would succeed. As in debugfs `extfrag/extfrag_index`.
pub fn extfrag_index(nr_free: &[u64], order: usize) -> i64 {
    let blocks: u128 = nr_free.iter().map(|blocks| u128::from(*blocks)).sum();
    if blocks == 0 {
        return 0;
    }
    if suitable(nr_free, order) > 0 {
        return -1000;
    }
    let requested = 1 << order;
    1000 - ((1000 + pages(nr_free) * 1000 / requested) / blocks) as i64
}

fn pages(nr_free: &[u64]) -> u128 {
    nr_free.iter().enumerate().map(|(order, blocks)| u128::from(*blocks) << order).sum()
}

/// Blocks of `order` that the free blocks hold.
pub(super) fn suitable(nr_free: &[u64], order: usize) -> u128 {
    nr_free.iter().enumerate().skip(order).map(|(at, blocks)| u128::from(*blocks) << (at - order)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_indices_are_the_kernels() {
        // 4 free pages in blocks 0,0 and 1: for order 1 half of it is usable, for order 2 nothing is.
        let nr_free = [2, 1, 0];
        assert_eq!([0, 1, 2].map(|order| unusable_index(&nr_free, order)), [0, 500, 1000]);
        // B = 3, F = 4: 1000 - (1000 + 4 * 1000 / 4) / 3 = 1000 - 666
        assert_eq!([0, 1, 2].map(|order| extfrag_index(&nr_free, order)), [-1000, -1000, 334]);
        // /proc/buddyinfo of a 6.18 host's DMA zone: two blocks of order 10, one of 9 … against its debugfs extfrag.
        let dma = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2];
        assert_eq!([8, 9, 10].map(|order| unusable_index(&dma, order)), [0, 90, 272]);
    }

    #[test]
    fn nothing_free_is_wholly_unusable_and_no_fragmentation() {
        assert_eq!((unusable_index(&[0, 0], 1), extfrag_index(&[0, 0], 1)), (1000, 0));
        assert_eq!((unusable_index(&[], 0), extfrag_index(&[], 0)), (1000, 0));
    }

    #[test]
    fn want_of_memory_tends_to_zero() {
        // One free page, order 10 wanted: 1000 - (1000 + 1000/1024) / 1 = 0.
        assert_eq!(extfrag_index(&[1], 10), 1000 - 1000);
    }
}
