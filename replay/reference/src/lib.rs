//! Linux's page allocator as a pure library: zones, watermarks, the buddy system, per-CPU lists, by kernel generation.
//!
//! Nothing here reads a file, a clock or a random number, so the same calls always give the same frames.
//! [`PageAllocator::validate`] checks every invariant the kernel's allocator keeps.
//!
//! ```
//! use reference::{Config, Cpu, Layout, NodeId, Order, PageAllocator, Generation};
//!
//! let mut mm = PageAllocator::new(Config::new(Layout::x86_64(1 << 20, 2), Generation::V6_18));
//! let kernel = mm.mask("GFP_KERNEL");
//! let page = mm.alloc_pages(kernel, Order(3), Cpu(0), NodeId(0))?;
//! mm.free_pages(page, Order(3), Cpu(0))?;
//! mm.validate()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The names are the kernel's: a reader of `mm/page_alloc.c` finds `rmqueue`, `expand`, `free_area` and `zonelist`
//! where they are there. Where a generation of kernels differs from another, the difference is a field of [`Rules`].

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod buddy;
mod error;
mod gfp;
mod machine;
mod mappings;
mod mm;
mod page;
mod page_alloc;
mod pcp;
mod reclaim;
mod slab;
mod zone;

pub use self::gfp::{
    BadZoneBits, Context, Explanation, Flags, Generation, Gfp, GfpTable, Verdict, gfp_migratetype, gfp_zone,
};
pub use buddy::FreeBlocks;
pub use error::{AllocError, Misuse, Violation};
pub use machine::{
    COSTLY_ORDER, Cpu, FallbackRule, Layout, MAX_ORDER, Memory, NR_ORDERS, NodeId, Order, PAGE_OFFSET_X86_32,
    PAGE_OFFSET_X86_64, PAGE_SHIFT, PAGE_SIZE, PcpRule, PerCpu, Pfn, Rules, WatermarkRule, ZONE_TYPES, ZoneId,
    ZoneSpec, ZoneType,
};
pub use mappings::{Address, DirectMap, KM_TYPE_NR, Kmap, LAST_PKMAP, PageSize, Vmalloc};
pub use mm::{Failure, Mm, ZERO_SIZE_PTR};
pub use page::{FrameState, MAX_ZONES, MIGRATE_TYPES, Migratetype, Owner, PCP_TYPES, Page, PageFlags};
pub use page_alloc::{Config, Counters, NoPressure, PageAllocator, Pressure};
pub use pcp::{pcp_sizes, pcp_sizes_textbook};
pub use reclaim::{Costs, Lru, Work};
pub use slab::{
    CacheFlags, CacheId, CacheStats, KmallocType, SlabAllocator, SlabSizes, kmalloc_class, kmalloc_classes, slab_sizes,
};
pub use zone::{
    PcpSizes, Tunables, Watermarks, ZoneStats, lowmem_reserve, min_free_kbytes_by_size, min_free_kbytes_for_thp,
    zone_watermarks,
};
