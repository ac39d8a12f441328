//! Linux's page allocator as a pure library: zones, watermarks, the buddy system, per-CPU lists, by kernel generation.
//!
//! Nothing here reads a file, a clock or a random number: the same calls give the same frames, always.
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

mod address;
mod alloc_flags;
mod buddy;
mod compaction;
mod contig;
mod error;
mod fallback;
mod fragmentation;
mod gfp;
mod highatomic;
mod ids;
mod kmap;
mod layout;
mod list;
mod mem_map;
mod memory;
mod migratetype;
mod mm;
mod page;
mod page_alloc;
mod pcp;
mod percpu;
mod pressure;
mod rmqueue;
mod rules;
mod seed;
mod show;
mod slab;
mod stats;
mod validate;
mod vmalloc;
mod vmscan;
mod watermark;
mod watermark_ok;
mod zone;
mod zonelist;

pub use self::gfp::{
    BadZoneBits, Context, Explanation, Flags, Generation, Gfp, GfpTable, Verdict, gfp_migratetype, gfp_zone,
};
pub use address::{Address, DirectMap, PageSize};
pub use error::{AllocError, Misuse};
pub use fragmentation::FreeBlocks;
pub use ids::{COSTLY_ORDER, Cpu, MAX_ORDER, NR_ORDERS, NodeId, Order, PAGE_SHIFT, PAGE_SIZE, Pfn, ZoneId};
pub use kmap::{KM_TYPE_NR, Kmap, LAST_PKMAP};
pub use layout::{Layout, PAGE_OFFSET_X86_32, PAGE_OFFSET_X86_64, ZONE_TYPES, ZoneSpec, ZoneType};
pub use mem_map::MAX_ZONES;
pub use memory::Memory;
pub use migratetype::{MIGRATE_TYPES, Migratetype, PCP_TYPES};
pub use mm::{Failure, Mm, ZERO_SIZE_PTR};
pub use page::{FrameState, Owner, Page, PageFlags};
pub use page_alloc::{Config, PageAllocator};
pub use pcp::{PcpSizes, pcp_sizes, pcp_sizes_textbook};
pub use percpu::PerCpu;
pub use pressure::{NoPressure, Pressure};
pub use rules::{FallbackRule, PcpRule, Rules, WatermarkRule};
pub use slab::{
    CacheFlags, CacheId, CacheStats, KmallocType, SlabAllocator, SlabSizes, kmalloc_class, kmalloc_classes, slab_sizes,
};
pub use stats::{Counters, ZoneStats};
pub use validate::Violation;
pub use vmalloc::Vmalloc;
pub use vmscan::{Costs, Lru, Work};
pub use watermark::{
    Tunables, Watermarks, lowmem_reserve, min_free_kbytes_by_size, min_free_kbytes_for_thp, zone_watermarks,
};
