//! Mobility types: whether and how the pages of a pageblock can be moved or reclaimed.
//!
//! The numbers are those of kernels with `CONFIG_CMA`; without it the kernel's `MIGRATE_ISOLATE` is 4. Traces carry
//! names, so no reader has to guess.

/// A mobility type: `enum migratetype` of `include/linux/mmzone.h`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Migratetype {
    /// Kernel data, which cannot move.
    Unmovable = 0,
    /// User pages and page cache, which can be migrated.
    Movable = 1,
    /// Slab caches, which shrink under reclaim.
    Reclaimable = 2,
    /// The reserve for high-order requests that cannot sleep.
    HighAtomic = 3,
    /// The contiguous memory area, which is lent to movable requests only.
    Cma = 4,
    /// Pageblocks taken out of allocation, for offlining or contiguous allocation.
    Isolate = 5,
}

/// The number of mobility types, [`Migratetype::Isolate`] included.
pub const MIGRATE_TYPES: usize = 6;
/// The number of types that have their own per-CPU lists: unmovable, movable, reclaimable.
pub const PCP_TYPES: usize = 3;

impl Migratetype {
    /// All types, in the kernel's order.
    pub const ALL: [Self; MIGRATE_TYPES] =
        [Self::Unmovable, Self::Movable, Self::Reclaimable, Self::HighAtomic, Self::Cma, Self::Isolate];

    /// Returns the type with this number; numbers above 5 are taken as [`Self::Isolate`].
    #[inline]
    pub const fn from_index(index: u8) -> Self {
        match index {
            0 => Self::Unmovable,
            1 => Self::Movable,
            2 => Self::Reclaimable,
            3 => Self::HighAtomic,
            4 => Self::Cma,
            _ => Self::Isolate,
        }
    }

    /// Returns the type's position in arrays by type.
    #[inline]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Returns the type's name in `/proc/pagetypeinfo`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unmovable => "Unmovable",
            Self::Movable => "Movable",
            Self::Reclaimable => "Reclaimable",
            Self::HighAtomic => "HighAtomic",
            Self::Cma => "CMA",
            Self::Isolate => "Isolate",
        }
    }

    /// Returns the type with this `/proc/pagetypeinfo` name. `Reserve` (until 4.3) counts as high-atomic, which
    /// replaced it.
    pub fn from_name(name: &str) -> Option<Self> {
        if name == "Reserve" {
            return Some(Self::HighAtomic);
        }
        Self::ALL.into_iter().find(|t| t.name().eq_ignore_ascii_case(name))
    }

    /// Returns whether free blocks of this type may merge with, or fall back to, blocks of another such type
    /// (`migratetype_is_mergeable`: below `MIGRATE_PCPTYPES`).
    #[inline]
    pub const fn is_mergeable(self) -> bool {
        (self as usize) < PCP_TYPES
    }

    /// Returns the types to try, in order, when this type's lists are empty (the kernel's table `fallbacks`).
    #[inline]
    pub const fn fallbacks(self) -> &'static [Self] {
        match self {
            Self::Unmovable => &[Self::Reclaimable, Self::Movable],
            Self::Movable => &[Self::Reclaimable, Self::Unmovable],
            Self::Reclaimable => &[Self::Unmovable, Self::Movable],
            Self::HighAtomic | Self::Cma | Self::Isolate => &[],
        }
    }
}
