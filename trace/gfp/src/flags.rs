//! GFP flags with one fixed bit per meaning, independent of any kernel's numbering.

/// A set of GFP flags, independent of the kernel that numbered them. The values are those of 5.1 and later
/// (`include/linux/gfp_types.h`), so masks of current kernels need no translation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Flags(u32);

/// The combinations of the four zone bits that are bugs, one bit for each of 3, 5, 6, 7, 0xb, 0xd, 0xe and 0xf: the
/// combinations that name more than one of `DMA`, `DMA32` and `HIGHMEM` (`GFP_ZONE_BAD`, `include/linux/gfp.h`).
const GFP_ZONE_BAD: u32 = 0xE8E8;

impl Flags {
    /// `__GFP_DMA`: the memory must be within the reach of a 24-bit DMA engine.
    pub const DMA: Self = Self(0x1);
    /// `__GFP_HIGHMEM`: the memory may be high memory.
    pub const HIGHMEM: Self = Self(0x2);
    /// `__GFP_DMA32`: the memory must be within the reach of a 32-bit DMA engine.
    pub const DMA32: Self = Self(0x4);
    /// `__GFP_MOVABLE`: the page can be migrated.
    pub const MOVABLE: Self = Self(0x8);
    /// `__GFP_RECLAIMABLE`: the page belongs to a slab cache that shrinks under reclaim.
    pub const RECLAIMABLE: Self = Self(0x10);
    /// `__GFP_HIGH`: the request may use part of the reserve below the min watermark.
    pub const HIGH: Self = Self(0x20);
    /// `__GFP_IO`: reclaim for the request may start block I/O.
    pub const IO: Self = Self(0x40);
    /// `__GFP_FS`: reclaim for the request may call into file systems.
    pub const FS: Self = Self(0x80);
    /// `__GFP_ZERO`: the memory must be zeroed.
    pub const ZERO: Self = Self(0x100);
    /// `__GFP_ATOMIC`: the caller cannot sleep and is urgent (4.4 to 6.2).
    pub const ATOMIC: Self = Self(0x200);
    /// `__GFP_DIRECT_RECLAIM`: the caller may reclaim, and so sleep (the sleeping half of the older `__GFP_WAIT`).
    pub const DIRECT_RECLAIM: Self = Self(0x400);
    /// `__GFP_KSWAPD_RECLAIM`: the request wakes kswapd when memory is low.
    pub const KSWAPD_RECLAIM: Self = Self(0x800);
    /// `__GFP_WRITE`: the caller is about to dirty the page.
    pub const WRITE: Self = Self(0x1000);
    /// `__GFP_NOWARN`: a failure is not reported in the kernel log.
    pub const NOWARN: Self = Self(0x2000);
    /// `__GFP_RETRY_MAYFAIL`: the allocator tries hard but may fail (`__GFP_REPEAT` until 4.12).
    pub const RETRY_MAYFAIL: Self = Self(0x4000);
    /// `__GFP_NOFAIL`: the request must not fail.
    pub const NOFAIL: Self = Self(0x8000);
    /// `__GFP_NORETRY`: the allocator gives up after one round of reclaim.
    pub const NORETRY: Self = Self(0x10000);
    /// `__GFP_MEMALLOC`: the request may use all memory, because the caller will soon free more than it takes.
    pub const MEMALLOC: Self = Self(0x20000);
    /// `__GFP_COMP`: the block becomes a compound page.
    pub const COMP: Self = Self(0x40000);
    /// `__GFP_NOMEMALLOC`: the request must not use the emergency reserve.
    pub const NOMEMALLOC: Self = Self(0x80000);
    /// `__GFP_HARDWALL`: the request respects the task's cpuset.
    pub const HARDWALL: Self = Self(0x10_0000);
    /// `__GFP_THISNODE`: the request takes memory of the given node or fails.
    pub const THISNODE: Self = Self(0x20_0000);
    /// `__GFP_ACCOUNT`: the memory is charged to the caller's memory cgroup.
    pub const ACCOUNT: Self = Self(0x40_0000);
    /// `__GFP_COLD`: a cache-cold page is preferred (until 4.14). Current kernels have no bit for it; this value is
    /// chosen here.
    pub const COLD: Self = Self(0x4000_0000);
    /// `__GFP_RECLAIM`: direct and background reclaim together (`__GFP_WAIT` before 4.4).
    pub const RECLAIM: Self = Self(0x400 | 0x800);

    /// Returns the set with these bits, which are numbered as in current kernels.
    #[inline]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// Returns whether all bits of `other` are set.
    #[inline]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns whether any bit of `other` is set.
    #[inline]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Returns the union of both sets.
    #[must_use]
    #[inline]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns this set without the bits of `other`.
    #[must_use]
    #[inline]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Returns the bits that both sets share.
    #[must_use]
    #[inline]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Returns the bits, numbered as in current kernels.
    #[inline]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Returns whether the caller may sleep, which direct reclaim does (`gfpflags_allow_blocking`,
    /// `include/linux/gfp.h`).
    #[inline]
    pub const fn may_sleep(self) -> bool {
        self.contains(Self::DIRECT_RECLAIM)
    }

    /// Returns whether reclaim on behalf of the request may start block I/O. The bit has no effect without direct
    /// reclaim (`include/linux/gfp_types.h`, "Reclaim modifiers").
    #[inline]
    pub const fn may_io(self) -> bool {
        self.may_sleep() && self.contains(Self::IO)
    }

    /// Returns whether reclaim on behalf of the request may call file systems. The bit has no effect without direct
    /// reclaim.
    #[inline]
    pub const fn may_fs(self) -> bool {
        self.may_sleep() && self.contains(Self::FS)
    }

    /// Returns whether the request may take pages below the min watermark.
    ///
    /// `NOMEMALLOC` cancels `MEMALLOC` (`__gfp_pfmemalloc_flags`, `mm/page_alloc.c`) but not `HIGH`:
    /// `gfp_to_alloc_flags` turns `HIGH` into `ALLOC_MIN_RESERVE` (`ALLOC_HIGH` before 6.3) without testing
    /// `NOMEMALLOC`.
    #[inline]
    pub const fn uses_reserves(self) -> bool {
        self.contains(Self::HIGH) || self.contains(Self::MEMALLOC) && !self.contains(Self::NOMEMALLOC)
    }

    /// Returns whether the zone bits name one zone at most. If they name more, `gfp_zone` ends in a `VM_BUG_ON`.
    #[inline]
    pub const fn zone_is_possible(self) -> bool {
        GFP_ZONE_BAD >> (self.0 & 0xf) & 1 == 0
    }

    /// Returns whether the mobility bits name one migratetype at most. If they name two, `gfp_migratetype` warns.
    #[inline]
    pub const fn mobility_is_possible(self) -> bool {
        !self.contains(Self(Self::MOVABLE.0 | Self::RECLAIMABLE.0))
    }

    /// Returns the flag that a kernel's name stands for, whatever that kernel's number for it is; `None` for composites
    /// and for names that ask nothing of the page allocator.
    ///
    /// Some kernels print a flag without its underscores: 6.12 prints `GFP_DMA`, and kernels before 4.6 print all flags
    /// so. `GFP_ATOMIC` is the exception: it has always been a composite, beside a flag `__GFP_ATOMIC` in 4.4 to 6.2.
    pub fn from_name(name: &str) -> Option<Self> {
        let flag = match name.strip_prefix("__GFP_") {
            Some(flag) => flag,
            None => name.strip_prefix("GFP_").filter(|flag| *flag != "ATOMIC")?,
        };
        Some(match flag {
            "DMA" => Self::DMA,
            "HIGHMEM" => Self::HIGHMEM,
            "DMA32" => Self::DMA32,
            "MOVABLE" => Self::MOVABLE,
            "RECLAIMABLE" => Self::RECLAIMABLE,
            "HIGH" => Self::HIGH,
            "IO" => Self::IO,
            "FS" => Self::FS,
            "ZERO" => Self::ZERO,
            "ATOMIC" => Self::ATOMIC,
            "DIRECT_RECLAIM" => Self::DIRECT_RECLAIM,
            "KSWAPD_RECLAIM" => Self::KSWAPD_RECLAIM,
            "WAIT" | "RECLAIM" => Self::RECLAIM,
            "WRITE" => Self::WRITE,
            "NOWARN" => Self::NOWARN,
            "REPEAT" | "RETRY_MAYFAIL" => Self::RETRY_MAYFAIL,
            "NOFAIL" => Self::NOFAIL,
            "NORETRY" => Self::NORETRY,
            "MEMALLOC" => Self::MEMALLOC,
            "COMP" => Self::COMP,
            "NOMEMALLOC" => Self::NOMEMALLOC,
            "HARDWALL" => Self::HARDWALL,
            "THISNODE" => Self::THISNODE,
            "ACCOUNT" => Self::ACCOUNT,
            "COLD" => Self::COLD,
            _ => return None,
        })
    }
}

impl core::ops::BitOr for Flags {
    type Output = Self;
    #[inline]
    fn bitor(self, other: Self) -> Self {
        self.union(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_one_zone_or_mobility_is_impossible() {
        for bits in 0..16 {
            let zones = [Flags::DMA, Flags::DMA32, Flags::HIGHMEM].into_iter().filter(|zone| bits & zone.bits() != 0);
            assert_eq!(Flags::from_bits(bits).zone_is_possible(), zones.count() < 2, "{bits:#x}");
        }
        assert!(!(Flags::MOVABLE | Flags::RECLAIMABLE).mobility_is_possible());
        assert!(Flags::MOVABLE.mobility_is_possible() && Flags::RECLAIMABLE.mobility_is_possible());
    }

    #[test]
    fn nomemalloc_takes_back_what_memalloc_gives_and_no_more() {
        assert!(Flags::HIGH.uses_reserves() && Flags::MEMALLOC.uses_reserves());
        assert!((Flags::HIGH | Flags::NOMEMALLOC).uses_reserves());
        assert!(!(Flags::MEMALLOC | Flags::NOMEMALLOC).uses_reserves());
    }

    #[test]
    fn names_lose_their_underscores_in_some_kernels() {
        assert_eq!(Flags::from_name("GFP_DMA32"), Some(Flags::DMA32));
        assert_eq!(Flags::from_name("__GFP_ATOMIC"), Some(Flags::ATOMIC));
        assert_eq!(Flags::from_name("GFP_ATOMIC"), None, "a composite");
        assert_eq!(Flags::from_name("GFP_KERNEL"), None, "a composite");
    }
}
