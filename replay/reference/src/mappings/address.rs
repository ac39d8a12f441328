//! Three kinds of address: physical, virtual in the direct map, and virtual through page tables.

use core::fmt;

use crate::{Pfn, machine::PAGE_SIZE};

/// A kernel virtual address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Address(pub u64);

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&alloc::format!("{:#x}", self.0))
    }
}

/// The direct map: virtual = physical + offset (`__va`, `__pa`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DirectMap {
    /// Where physical address 0 appears (`PAGE_OFFSET`).
    pub page_offset: u64,
}

impl DirectMap {
    /// `__va`: kernel address of a physical one.
    pub const fn to_virtual(self, physical: u64) -> Address {
        Address(self.page_offset.wrapping_add(physical))
    }

    /// `__pa`: physical address of a kernel one.
    pub const fn to_physical(self, address: Address) -> u64 {
        address.0.wrapping_sub(self.page_offset)
    }

    /// `virt_to_page`.
    pub const fn to_pfn(self, address: Address) -> Pfn {
        Pfn(self.to_physical(address) / PAGE_SIZE)
    }
}

/// Size of a page, which the architecture decides. The allocator works with 4 KiB; arithmetic about other machines uses
/// this.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PageSize {
    /// log2 of its bytes.
    pub shift: u32,
}

impl PageSize {
    /// 4 KiB: x86, 32 and 64 bit.
    pub const X86: Self = Self { shift: 12 };
    /// 8 KiB: Alpha, SPARC 64.
    pub const ALPHA: Self = Self { shift: 13 };

    /// Bytes of a page.
    pub const fn bytes(self) -> u64 {
        1 << self.shift
    }

    /// Pages in so much memory.
    pub const fn pages_in(self, bytes: u64) -> u64 {
        bytes >> self.shift
    }

    /// Bytes of `struct page`s of this size for so much memory.
    pub const fn metadata(self, bytes: u64, struct_page: u64) -> u64 {
        self.pages_in(bytes) * struct_page
    }
}
