//! The caches of `kmalloc`, by kind and size.

use alloc::vec::Vec;

use super::cache::CacheId;
use crate::Flags;

/// Kinds of `kmalloc` caches (`enum kmalloc_cache_type`), in the order in which a mask decides: DMA, reclaimable,
/// accounted, normal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum KmallocType {
    /// `kmalloc-N`
    Normal = 0,
    /// `kmalloc-rcl-N`
    Reclaim = 1,
    /// `dma-kmalloc-N`
    Dma = 2,
    /// `kmalloc-cg-N`
    Cgroup = 3,
}

impl KmallocType {
    pub(super) const ALL: [Self; 4] = [Self::Normal, Self::Reclaim, Self::Dma, Self::Cgroup];

    /// The kind a mask asks for.
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

/// The `kmalloc` caches.
#[derive(Default)]
pub(super) struct Kmalloc {
    /// By kind and class; kinds the generation lacks share the normal caches.
    pub(super) caches: Vec<CacheId>,
    pub(super) classes: usize,
    /// Class of a size, by (size − 1) / 8, up to the largest class.
    pub(super) by_size: Vec<u8>,
}
