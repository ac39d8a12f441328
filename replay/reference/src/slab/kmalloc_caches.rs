//! The caches of `kmalloc`, by kind and size.

use alloc::vec::Vec;

use super::cache::CacheId;
use crate::Flags;

/// The kinds of `kmalloc` caches (`enum kmalloc_cache_type`). If a mask matches several, the first of DMA, reclaimable,
/// accounted and normal applies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum KmallocType {
    /// The caches `kmalloc-N`.
    Normal = 0,
    /// The caches `kmalloc-rcl-N`, of reclaimable objects.
    Reclaim = 1,
    /// The caches `dma-kmalloc-N`, in DMA memory.
    Dma = 2,
    /// The caches `kmalloc-cg-N`, charged to memory cgroups.
    Cgroup = 3,
}

impl KmallocType {
    pub(super) const ALL: [Self; 4] = [Self::Normal, Self::Reclaim, Self::Dma, Self::Cgroup];

    /// Returns the kind of cache that a mask asks for.
    #[inline]
    pub const fn of(flags: Flags) -> Self {
        if !flags.intersects(Flags::DMA.union(Flags::RECLAIMABLE).union(Flags::ACCOUNT)) {
            Self::Normal
        } else if flags.contains(Flags::DMA) {
            Self::Dma
        } else if flags.contains(Flags::RECLAIMABLE) {
            Self::Reclaim
        } else {
            Self::Cgroup
        }
    }

    pub(super) const fn prefix(self) -> &'static str {
        match self {
            Self::Normal => "kmalloc",
            Self::Reclaim => "kmalloc-rcl",
            Self::Dma => "dma-kmalloc",
            Self::Cgroup => "kmalloc-cg",
        }
    }
}

/// The table of the `kmalloc` caches.
#[derive(Default)]
pub(super) struct Kmalloc {
    /// The caches by kind and class. Kinds that the generation lacks share the normal caches.
    pub(super) caches: Vec<CacheId>,
    pub(super) classes: usize,
    /// The class of a size up to the largest class, indexed by (size − 1) / 8.
    pub(super) by_size: Vec<u8>,
}
