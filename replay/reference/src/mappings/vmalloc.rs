//! `vmalloc`: memory that is contiguous in virtual addresses and scattered in physical ones.

use alloc::{collections::BTreeMap, vec::Vec};

use crate::{
    Address, AllocError, Cpu, Flags, Misuse, NodeId, Order, PageAllocator, PageFlags, Pfn, Pressure, machine::PAGE_SIZE,
};

/// The first virtual address of `vmalloc` on x86-64 with four-level page tables.
const VMALLOC_START: u64 = 0xffff_c900_0000_0000;
/// The first virtual address of `vmalloc` on x86-32, in the 128 MiB above the direct map.
const VMALLOC_START_X86_32: u64 = 0xf800_0000;

/// The areas of `vmalloc`.
pub struct Vmalloc {
    start: u64,
    end: u64,
    areas: BTreeMap<u64, Vec<Pfn>>,
}

impl Vmalloc {
    /// Creates an empty address range: that of x86-32 if there is high memory, or else that of x86-64.
    pub fn new(highmem: bool) -> Self {
        let (start, end) = if highmem {
            (VMALLOC_START_X86_32, VMALLOC_START_X86_32 + (120 << 20))
        } else {
            (VMALLOC_START, VMALLOC_START + (32 << 40))
        };
        Self { start, end, areas: BTreeMap::new() }
    }

    /// Allocates single frames and maps them side by side, with an unmapped guard page after them.
    pub(crate) fn alloc<P: Pressure>(
        &mut self,
        pages: &mut PageAllocator,
        pressure: &mut P,
        bytes: u64,
        flags: Flags,
        cpu: Cpu,
        node: NodeId,
    ) -> Result<Address, AllocError> {
        if !flags.contains(Flags::DIRECT_RECLAIM) {
            // The mapping may need new page tables, whose allocation may sleep.
            return Err(AllocError::MaySleep);
        }
        if bytes == 0 {
            return Err(AllocError::NoBytes);
        }
        let count = bytes.div_ceil(PAGE_SIZE);
        let with_guard = (count + 1).checked_mul(PAGE_SIZE).ok_or(AllocError::NoAddressSpace)?;
        let at = self.find_hole(with_guard).ok_or(AllocError::NoAddressSpace)?;
        let mut frames = Vec::new();
        for _ in 0..count {
            match pages.alloc_by_flags(pressure, flags | Flags::HIGHMEM, Order::ZERO, cpu, node) {
                Ok(pfn) => frames.push(pfn),
                Err(e) => {
                    // The request fails as a whole, so the frames taken so far are freed.
                    for pfn in frames {
                        let freed = pages.free_pages(pfn, Order::ZERO, cpu);
                        debug_assert_eq!(freed, Ok(()), "taken a moment ago");
                    }
                    return Err(e);
                }
            }
        }
        for pfn in &frames {
            let i = pages.map.index(pfn.0);
            pages.set_owned(i, PageFlags::VMALLOC, true);
        }
        self.areas.insert(at, frames);
        Ok(Address(at))
    }

    /// Returns the start of the lowest hole of `bytes` bytes.
    fn find_hole(&self, bytes: u64) -> Option<u64> {
        let mut at = self.start;
        for (start, frames) in &self.areas {
            if start - at >= bytes {
                break;
            }
            at = start + (frames.len() as u64 + 1) * PAGE_SIZE;
        }
        (self.end.saturating_sub(at) >= bytes).then_some(at)
    }

    /// `vfree`: frees an area by its first address.
    pub(crate) fn free(&mut self, pages: &mut PageAllocator, address: Address, cpu: Cpu) -> Result<(), Misuse> {
        let frames = self.areas.remove(&address.0).ok_or(Misuse::NotFromVmalloc(address.0))?;
        for pfn in frames {
            let i = pages.map.index(pfn.0);
            pages.set_owned(i, PageFlags::VMALLOC, false);
            pages.free_pages(pfn, Order::ZERO, cpu)?;
        }
        Ok(())
    }

    /// `vmalloc_to_page`: returns the frame of a virtual address.
    pub fn to_pfn(&self, address: Address) -> Option<Pfn> {
        let (start, frames) = self.areas.range(..=address.0).next_back()?;
        frames.get(((address.0 - start) / PAGE_SIZE) as usize).copied()
    }
}
