//! `struct kmem_cache`: a cache of objects of one size, and its state.

use alloc::{string::String, vec::Vec};

use super::{lists::SlabList, sizes::SlabSizes};
use crate::{Flags, Order, machine::PAGE_SIZE};

/// The number of a cache, which merged caches share.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CacheId(pub(super) u32);

/// The `SLAB_*` flags of a cache.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own in the kernel")]
pub struct CacheFlags {
    /// `SLAB_HWCACHE_ALIGN`: objects do not share cache lines.
    pub hwcache_align: bool,
    /// `SLAB_POISON`: freed objects are filled with a pattern, which is checked when they are allocated again.
    pub poison: bool,
    /// `SLAB_RED_ZONE`: each object has a guard word behind it.
    pub red_zone: bool,
    /// `SLAB_PANIC`: the kernel panics if the cache cannot be created; in the model the flag has no effect.
    pub panic: bool,
    /// `SLAB_CACHE_DMA`: slabs are taken from DMA memory.
    pub dma: bool,
    /// `SLAB_RECLAIM_ACCOUNT`: pages of slabs count as reclaimable.
    pub reclaim_account: bool,
    /// `SLAB_ACCOUNT`: objects are charged to memory cgroups.
    pub account: bool,
}

impl CacheFlags {
    pub(super) const fn is_debug(self) -> bool {
        self.poison || self.red_zone
    }
}

/// The bytes of a cache line.
pub(super) const CACHE_LINE: u32 = 64;

/// The slabs of a cache that one CPU holds.
#[derive(Clone, Default)]
pub(super) struct CpuSlab {
    /// The number of the slab that the CPU allocates from.
    pub(super) slab: Option<u32>,
    /// The slabs with free objects that the CPU keeps for itself (SLUB).
    pub(super) partial: SlabList,
}

/// The state of one cache.
pub(super) struct Cache {
    pub(super) id: u32,
    pub(super) names: Vec<String>,
    pub(super) object_size: u32,
    pub(super) align: u32,
    pub(super) flags: CacheFlags,
    pub(super) ctor: Option<fn(&mut [u8])>,
    pub(super) sizes: SlabSizes,
    /// The offset of the first object in the next slab, in units of the cache's colour step (textbook).
    pub(super) colour_next: u32,
    pub(super) colours: bool,
    pub(super) cpus: Vec<CpuSlab>,
    /// The slabs with free objects, by node.
    pub(super) partial: Vec<SlabList>,
    /// The slabs without used objects (textbook).
    pub(super) empty: SlabList,
    pub(super) objects: u64,
    pub(super) slabs: u64,
    pub(super) grown: u64,
    pub(super) shrunk: u64,
    pub(super) destroyed: bool,
    /// The physical addresses of objects whose poison was found damaged.
    pub(super) damaged: Vec<u64>,
}

/// The state of one cache, which includes the values of its line in `/proc/slabinfo`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CacheStats {
    /// The names of the cache; several if caches were merged.
    pub names: Vec<String>,
    /// The number of objects in use.
    pub active_objects: u64,
    /// The number of objects in all slabs.
    pub objects: u64,
    /// The bytes of an object that the caller may use.
    pub object_size: u32,
    /// The sizes that the cache was laid out with.
    pub sizes: SlabSizes,
    /// The number of slabs.
    pub slabs: u64,
    /// The number of slabs that belong to no CPU and have free objects.
    pub partial: u64,
    /// The number of slabs without used objects (textbook).
    pub empty: u64,
    /// The number of slabs created so far.
    pub grown: u64,
    /// The number of slabs given back so far.
    pub shrunk: u64,
}

impl Cache {
    /// Returns the flags that the cache adds to every request for slab pages.
    pub(super) fn page_flags(&self) -> Flags {
        let mut flags = if self.sizes.order > 0 { Flags::COMP } else { Flags::default() };
        if self.flags.dma {
            flags = flags | Flags::DMA;
        }
        if self.flags.reclaim_account {
            flags = flags | Flags::RECLAIMABLE;
        }
        flags
    }

    /// Returns the offset of the first object in the next slab, in bytes. The textbook's colouring spreads the slabs
    /// over the cache lines, within the space that the objects leave free.
    pub(super) fn next_colour(&mut self, order: Order) -> u32 {
        let left_over = ((PAGE_SIZE << order.0) % u64::from(self.sizes.size)) as u32;
        let step = self.align.max(CACHE_LINE);
        if !self.colours || left_over < step {
            return 0;
        }
        let colour = self.colour_next * step;
        self.colour_next = (self.colour_next + 1) % (left_over / step + 1);
        colour
    }
}
