//! Small types that distinguish a frame number from an order, and a zone from a node.

use core::fmt;

/// Log2 of the base page size in bytes: 4 KiB, as on x86.
pub const PAGE_SHIFT: u32 = 12;
/// The base page size in bytes.
pub const PAGE_SIZE: u64 = 1 << PAGE_SHIFT;
/// The largest order that the buddy allocator serves: 10, i.e. 4 MiB (`MAX_PAGE_ORDER`; `MAX_ORDER - 1` before 6.4).
pub const MAX_ORDER: u8 = 10;
/// The number of orders, 0 to [`MAX_ORDER`] (`NR_PAGE_ORDERS`).
pub const NR_ORDERS: usize = MAX_ORDER as usize + 1;
/// The largest order that is not "costly": above it reclaim may give up (`PAGE_ALLOC_COSTLY_ORDER`).
pub const COSTLY_ORDER: u8 = 3;

/// A page frame number: the physical address divided by the page size.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Pfn(pub u64);

impl fmt::Display for Pfn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

/// An allocation order: the block has 2^order pages.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Order(pub u8);

impl Order {
    /// The order of one page.
    pub const ZERO: Self = Self(0);
    /// The largest order the buddy allocator serves.
    pub const MAX: Self = Self(MAX_ORDER);

    /// Returns the number of pages in a block of this order.
    #[inline]
    pub const fn pages(self) -> u64 {
        1 << self.0
    }

    /// `get_order`: returns the smallest order whose block holds `bytes`. Zero bytes need order 0.
    pub const fn for_bytes(bytes: u64) -> Self {
        let pages = bytes.div_ceil(PAGE_SIZE);
        if pages <= 1 { Self(0) } else { Self((u64::BITS - (pages - 1).leading_zeros()) as u8) }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The position of a zone in [`crate::Layout::zones`], unique over all nodes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ZoneId(pub u8);

/// A NUMA node number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NodeId(pub u8);

/// A CPU number, 0 to [`crate::Layout::cpus`] − 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Cpu(pub u16);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn get_order_rounds_up() {
        for (bytes, order) in [(0, 0), (1, 0), (4096, 0), (4097, 1), (8192, 1), (8193, 2), (4 << 20, 10)] {
            assert_eq!(Order::for_bytes(bytes), Order(order), "{bytes} bytes");
        }
    }
}
