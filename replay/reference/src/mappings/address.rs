//! Addresses and page sizes of the kernel, and the direct map between physical and virtual addresses.

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

/// The direct map: a virtual address is the physical address plus an offset (`__va`, `__pa`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DirectMap {
    /// The virtual address of physical address 0 (`PAGE_OFFSET`).
    pub page_offset: u64,
}

impl DirectMap {
    /// `__va`: returns the kernel's address of a physical address.
    pub const fn to_virtual(self, physical: u64) -> Address {
        Address(self.page_offset.wrapping_add(physical))
    }

    /// `__pa`: returns the physical address of a kernel's address.
    pub const fn to_physical(self, address: Address) -> u64 {
        address.0.wrapping_sub(self.page_offset)
    }

    /// `virt_to_page`: returns the frame of a kernel's address in the direct map.
    pub const fn to_pfn(self, address: Address) -> Pfn {
        Pfn(self.to_physical(address) / PAGE_SIZE)
    }
}

/// The size of a page on an architecture. The allocator works with 4 KiB; this type is for calculations about other
/// machines.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PageSize {
    /// The base-2 logarithm of the page size in bytes.
    pub shift: u32,
}

impl PageSize {
    /// The page size of 32-bit and 64-bit x86: 4 KiB.
    pub const X86: Self = Self { shift: 12 };
    /// The page size of Alpha and 64-bit SPARC: 8 KiB.
    pub const ALPHA: Self = Self { shift: 13 };

    /// Returns the bytes of a page.
    pub const fn bytes(self) -> u64 {
        1 << self.shift
    }

    /// Returns the number of whole pages in `bytes` bytes of memory.
    pub const fn pages_in(self, bytes: u64) -> u64 {
        bytes >> self.shift
    }

    /// Returns the bytes of all `struct page`s for `bytes` bytes of memory, if one takes `struct_page` bytes.
    pub const fn metadata(self, bytes: u64, struct_page: u64) -> u64 {
        self.pages_in(bytes) * struct_page
    }
}
