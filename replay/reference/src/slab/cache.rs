//! `struct kmem_cache`.

use alloc::{string::String, vec::Vec};

use super::{lists::SlabList, sizes::SlabSizes};
use crate::{Flags, Order, machine::PAGE_SIZE};

/// Number of a cache. Merged caches share one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CacheId(pub(super) u32);

/// `SLAB_*` flags of a cache.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own in the kernel")]
pub struct CacheFlags {
    /// `SLAB_HWCACHE_ALIGN`: objects do not share cache lines.
    pub hwcache_align: bool,
    /// `SLAB_POISON`: freed objects are filled with a pattern, and checked when they are used again.
    pub poison: bool,
    /// `SLAB_RED_ZONE`: a guard word behind each object.
    pub red_zone: bool,
    /// `SLAB_PANIC`: the kernel panics if the cache cannot be made; here a mark only.
    pub panic: bool,
    /// `SLAB_CACHE_DMA`: from DMA memory.
    pub dma: bool,
    /// `SLAB_RECLAIM_ACCOUNT`: pages count as reclaimable.
    pub reclaim_account: bool,
    /// `SLAB_ACCOUNT`: charged to memory cgroups.
    pub account: bool,
}

impl CacheFlags {
    pub(super) const fn is_debug(self) -> bool {
        self.poison || self.red_zone
    }
}

/// Bytes of a cache line.
pub(super) const CACHE_LINE: u32 = 64;

/// What one CPU holds of a cache.
#[derive(Clone, Default)]
pub(super) struct CpuSlab {
    /// The slab it allocates from.
    pub(super) slab: Option<u32>,
    /// Slabs with free objects it keeps for itself (SLUB).
    pub(super) partial: SlabList,
}

/// One cache.
pub(super) struct Cache {
    pub(super) id: u32,
    pub(super) names: Vec<String>,
    pub(super) object_size: u32,
    pub(super) align: u32,
    pub(super) flags: CacheFlags,
    pub(super) ctor: Option<fn(&mut [u8])>,
    pub(super) sizes: SlabSizes,
    /// Offset of the next slab's first object, in units of `colour_off` (textbook).
    pub(super) colour_next: u32,
    pub(super) colours: bool,
    pub(super) cpus: Vec<CpuSlab>,
    /// Slabs with free objects, by node.
    pub(super) partial: Vec<SlabList>,
    /// The textbook's empty slabs.
    pub(super) empty: SlabList,
    pub(super) objects: u64,
    pub(super) slabs: u64,
    pub(super) grown: u64,
    pub(super) shrunk: u64,
    pub(super) destroyed: bool,
    /// Objects whose poison was found damaged.
    pub(super) damaged: Vec<u64>,
}

/// State of one cache: a line of `/proc/slabinfo`, and more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CacheStats {
    /// Names: several if caches were merged.
    pub names: Vec<String>,
    /// Objects in use.
    pub active_objects: u64,
    /// Objects in all slabs.
    pub objects: u64,
    /// Bytes the caller may use of an object.
    pub object_size: u32,
    /// The sizes the cache was laid out with.
    pub sizes: SlabSizes,
    /// Slabs.
    pub slabs: u64,
    /// Slabs on no CPU and with free objects.
    pub partial: u64,
    /// Slabs without used objects (textbook).
    pub empty: u64,
    /// Slabs made so far.
    pub grown: u64,
    /// Slabs given back so far.
    pub shrunk: u64,
}

impl Cache {
    /// Flags every slab page is asked for with.
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

    /// Offset of the first object in the next slab: the textbook's colouring spreads slabs over the cache's lines, with
    /// what the objects leave over.
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
