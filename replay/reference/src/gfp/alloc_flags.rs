//! `ALLOC_*` flags: what one attempt at an allocation may do, derived from the mask and the stage of the attempt.

use ::gfp::Flags;

use crate::{Migratetype, Rules, WatermarkRule};

/// The flags of one attempt, with the values of `mm/internal.h`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct AllocFlags(pub(crate) u32);

impl AllocFlags {
    /// The min mark. The lowest two bits choose the mark: 0 min, 1 low, 2 high.
    pub(crate) const WMARK_MIN: Self = Self(0);
    pub(crate) const WMARK_LOW: Self = Self(1);
    pub(crate) const NO_WATERMARKS: Self = Self(0x4);
    /// `ALLOC_OOM`: the OOM killer chose this task. The model has no OOM killer, but the watermark arithmetic has the
    /// flag.
    pub(crate) const OOM: Self = Self(0x8);
    /// `ALLOC_NON_BLOCK`, which was `ALLOC_HARDER` until 6.2.
    pub(crate) const NON_BLOCK: Self = Self(0x10);
    /// `ALLOC_MIN_RESERVE`, which was `ALLOC_HIGH` until 6.2.
    pub(crate) const MIN_RESERVE: Self = Self(0x20);
    pub(crate) const CMA: Self = Self(0x80);
    pub(crate) const NOFRAGMENT: Self = Self(0x100);
    pub(crate) const HIGHATOMIC: Self = Self(0x200);
    pub(crate) const KSWAPD: Self = Self(0x800);

    #[inline]
    pub(crate) const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    #[inline]
    pub(crate) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    #[inline]
    pub(crate) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    #[inline]
    pub(crate) const fn mark(self) -> u32 {
        self.0 & 3
    }

    /// Returns the flags of the first attempt, which respects the low mark.
    #[inline]
    pub(crate) const fn fast(mt: Migratetype, flags: Flags) -> Self {
        let kswapd = if flags.contains(Flags::KSWAPD_RECLAIM) { Self::KSWAPD } else { Self(0) };
        let cma = if matches!(mt, Migratetype::Movable) { Self::CMA } else { Self(0) };
        Self::WMARK_LOW.with(kswapd).with(cma)
    }

    /// `gfp_to_alloc_flags`: returns the flags of the later attempts, which respect the min mark, lowered for callers
    /// that cannot wait.
    pub(crate) fn slow(rules: &Rules, mt: Migratetype, flags: Flags, order: u8) -> Self {
        let mut alloc = Self::fast(mt, flags).without(Self::WMARK_LOW).with(Self::WMARK_MIN);
        if flags.contains(Flags::HIGH) {
            alloc = alloc.with(Self::MIN_RESERVE);
        }
        let nomemalloc = flags.contains(Flags::NOMEMALLOC);
        let waits = flags.contains(Flags::DIRECT_RECLAIM);
        let harder = match rules.watermark {
            WatermarkRule::Textbook => !waits,
            WatermarkRule::Harder => flags.contains(Flags::ATOMIC) && !nomemalloc,
            WatermarkRule::Nested => !waits && !nomemalloc,
        };
        if harder {
            alloc = alloc.with(Self::NON_BLOCK);
            // In 6.1 `ALLOC_HARDER` alone gives access to the reserve.
            let reserve = rules.watermark == WatermarkRule::Harder || alloc.has(Self::MIN_RESERVE);
            if rules.highatomic && order > 0 && reserve {
                alloc = alloc.with(Self::HIGHATOMIC);
            }
        }
        if flags.contains(Flags::MEMALLOC) && !nomemalloc {
            alloc = alloc.with(Self::NO_WATERMARKS);
        }
        alloc
    }

    /// Returns whether the attempt may count the high-atomic reserve as free.
    #[inline]
    pub(crate) const fn has_reserve_rights(self, rule: WatermarkRule) -> bool {
        match rule {
            WatermarkRule::Textbook | WatermarkRule::Harder => self.has(Self(Self::NON_BLOCK.0 | Self::OOM.0)),
            WatermarkRule::Nested => {
                self.has(Self(Self::NON_BLOCK.0 | Self::MIN_RESERVE.0 | Self::HIGHATOMIC.0 | Self::OOM.0))
            }
        }
    }
}
