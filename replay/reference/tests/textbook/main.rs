//! One test for each row of the textbook (Love, *Linux Kernel Development*, 3rd ed., chapter 12), named after it.

mod flags;
mod objects;
mod pages;

use reference::{CacheFlags, Config, Cpu, Generation, Gfp, Layout, Mm, PAGE_SIZE, Pfn, ZoneType};

const CPU: Cpu = Cpu(0);
const GIB: u64 = 1 << 30;

fn x86_64(generation: Generation) -> Mm {
    Mm::new(Config::new(Layout::x86_64((4 * GIB + (256 << 20)) / PAGE_SIZE, 2), generation))
}

/// Returns a machine with 1 GiB: DMA, NORMAL, and 128 MiB of HIGHMEM.
fn x86_32() -> Mm {
    Mm::new(Config::new(Layout::x86_32(GIB / PAGE_SIZE, 2), Generation::Textbook))
}

fn zone_kind(mm: &Mm, pfn: Pfn) -> ZoneType {
    mm.pages.zone_stats(mm.pages.zone_of(pfn).unwrap()).kind
}

fn create(mm: &mut Mm, name: &str, size: u32) -> reference::CacheId {
    mm.kmem_cache_create(name, size, 0, CacheFlags::default(), None).unwrap()
}

fn kernel_of(mm: &Mm) -> Gfp {
    mm.mask("GFP_KERNEL")
}
