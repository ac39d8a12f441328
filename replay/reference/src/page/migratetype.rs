//! Mobility types: what can be done with the pages of a pageblock.
//!
//! Numbering is that of kernels with `CONFIG_CMA`; without it the kernel's `MIGRATE_ISOLATE` is 4. Traces carry names,
//! so no one has to guess.

/// `enum migratetype` of `include/linux/mmzone.h`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Migratetype {
    /// Kernel data that cannot move.
    Unmovable = 0,
    /// User pages and page cache: can be migrated.
    Movable = 1,
    /// Slab caches that shrink under reclaim.
    Reclaimable = 2,
    /// Reserve for high-order requests that cannot sleep.
    HighAtomic = 3,
    /// Contiguous memory area: lent to movable requests only.
    Cma = 4,
    /// Taken out of allocation, for offlining or contiguous allocation.
    Isolate = 5,
}

/// Number of mobility types, [`Migratetype::Isolate`] included.
pub const MIGRATE_TYPES: usize = 6;
/// Types that have per-CPU lists of their own: unmovable, movable, reclaimable.
pub const PCP_TYPES: usize = 3;

impl Migratetype {
    /// All types, in the kernel's order.
    pub const ALL: [Self; MIGRATE_TYPES] =
        [Self::Unmovable, Self::Movable, Self::Reclaimable, Self::HighAtomic, Self::Cma, Self::Isolate];

    /// The type with this number; numbers above 5 are taken as [`Self::Isolate`].
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

    /// Position in arrays by type.
    #[inline]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Name as `/proc/pagetypeinfo` prints it.
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

    /// The type with this `/proc/pagetypeinfo` name. `Reserve` (until 4.3) counts as high-atomic, which replaced it.
    pub fn from_name(name: &str) -> Option<Self> {
        if name == "Reserve" {
            return Some(Self::HighAtomic);
        }
        Self::ALL.into_iter().find(|t| t.name().eq_ignore_ascii_case(name))
    }

    /// Whether free blocks of this type may merge with, or fall back to, blocks of another such type
    /// (`migratetype_is_mergeable`: below `MIGRATE_PCPTYPES`).
    #[inline]
    pub const fn is_mergeable(self) -> bool {
        (self as usize) < PCP_TYPES
    }

    /// Types to try, in order, when this type's lists are empty (the `fallbacks` table).
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
