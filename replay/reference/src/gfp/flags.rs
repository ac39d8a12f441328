//! The allocator's own flag set, one bit per meaning.

/// What a mask means, independent of the kernel that numbered it. The values are those of 5.1 and later
/// (`include/linux/gfp_types.h`), so that masks of current kernels need no translation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Flags(pub(crate) u32);

impl Flags {
    /// Memory a 24-bit DMA engine reaches.
    pub const DMA: Self = Self(0x1);
    /// High memory will do.
    pub const HIGHMEM: Self = Self(0x2);
    /// Memory a 32-bit DMA engine reaches.
    pub const DMA32: Self = Self(0x4);
    /// The page can be migrated.
    pub const MOVABLE: Self = Self(0x8);
    /// The page belongs to a cache that shrinks under reclaim.
    pub const RECLAIMABLE: Self = Self(0x10);
    /// May dip into the emergency reserve.
    pub const HIGH: Self = Self(0x20);
    /// May start block I/O.
    pub const IO: Self = Self(0x40);
    /// May call into file systems.
    pub const FS: Self = Self(0x80);
    /// Zeroed memory is wanted.
    pub const ZERO: Self = Self(0x100);
    /// `__GFP_ATOMIC`: the caller cannot sleep and is urgent (4.4 to 6.2).
    pub const ATOMIC: Self = Self(0x200);
    /// May reclaim itself, and so sleep (the sleeping half of `__GFP_WAIT`).
    pub const DIRECT_RECLAIM: Self = Self(0x400);
    /// Wakes kswapd when memory is low.
    pub const KSWAPD_RECLAIM: Self = Self(0x800);
    /// The page is about to be dirtied.
    pub const WRITE: Self = Self(0x1000);
    /// No warning on failure.
    pub const NOWARN: Self = Self(0x2000);
    /// Try hard, may fail (`__GFP_REPEAT` of old).
    pub const RETRY_MAYFAIL: Self = Self(0x4000);
    /// Must not fail.
    pub const NOFAIL: Self = Self(0x8000);
    /// Give up after one round.
    pub const NORETRY: Self = Self(0x10000);
    /// May use all memory: the caller will free more soon.
    pub const MEMALLOC: Self = Self(0x20000);
    /// A compound page.
    pub const COMP: Self = Self(0x40000);
    /// Must not use the emergency reserve.
    pub const NOMEMALLOC: Self = Self(0x80000);
    /// Respect the task's cpuset.
    pub const HARDWALL: Self = Self(0x10_0000);
    /// This node or nothing.
    pub const THISNODE: Self = Self(0x20_0000);
    /// Charged to the caller's memory cgroup.
    pub const ACCOUNT: Self = Self(0x40_0000);
    /// `__GFP_COLD`: a cache-cold page is preferred (until 4.14). Has no bit in current kernels; this one is ours.
    pub const COLD: Self = Self(0x4000_0000);
    /// Direct and background reclaim: `__GFP_RECLAIM`, `__GFP_WAIT` of old.
    pub const RECLAIM: Self = Self(0x400 | 0x800);

    /// Whether all bits of `other` are set.
    #[inline]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any bit of `other` is set.
    #[inline]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Both sets together.
    #[must_use]
    #[inline]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// This set without `other`.
    #[must_use]
    #[inline]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// What both sets share.
    #[must_use]
    #[inline]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The bits, numbered as in current kernels.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// The single flag a `__GFP_…` name stands for, whatever its kernel's number for it; `None` for names the allocator
    /// has no use for.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "__GFP_DMA" => Self::DMA,
            "__GFP_HIGHMEM" => Self::HIGHMEM,
            "__GFP_DMA32" => Self::DMA32,
            "__GFP_MOVABLE" => Self::MOVABLE,
            "__GFP_RECLAIMABLE" => Self::RECLAIMABLE,
            "__GFP_HIGH" => Self::HIGH,
            "__GFP_IO" => Self::IO,
            "__GFP_FS" => Self::FS,
            "__GFP_ZERO" => Self::ZERO,
            "__GFP_ATOMIC" => Self::ATOMIC,
            "__GFP_DIRECT_RECLAIM" => Self::DIRECT_RECLAIM,
            "__GFP_KSWAPD_RECLAIM" => Self::KSWAPD_RECLAIM,
            "__GFP_WAIT" | "__GFP_RECLAIM" => Self::RECLAIM,
            "__GFP_WRITE" => Self::WRITE,
            "__GFP_NOWARN" => Self::NOWARN,
            "__GFP_REPEAT" | "__GFP_RETRY_MAYFAIL" => Self::RETRY_MAYFAIL,
            "__GFP_NOFAIL" => Self::NOFAIL,
            "__GFP_NORETRY" => Self::NORETRY,
            "__GFP_MEMALLOC" => Self::MEMALLOC,
            "__GFP_COMP" => Self::COMP,
            "__GFP_NOMEMALLOC" => Self::NOMEMALLOC,
            "__GFP_HARDWALL" => Self::HARDWALL,
            "__GFP_THISNODE" => Self::THISNODE,
            "__GFP_ACCOUNT" => Self::ACCOUNT,
            "__GFP_COLD" => Self::COLD,
            _ => return None,
        })
    }
}

impl core::ops::BitOr for Flags {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        self.union(other)
    }
}
