//! Kernel generations and the rules in which they differ.

/// A kernel generation whose policies the allocator follows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Profile {
    /// Linux 2.6.34, the kernel of Love's *Linux Kernel Development*, 3rd edition. Its `MIGRATE_RESERVE` blocks are not
    /// modelled.
    Textbook,
    /// Linux 6.1: whole-pageblock steals, one `pcp->high`, `__GFP_ATOMIC`.
    V6_1,
    /// Linux 6.12: "freelist hygiene" (a free block is always on the list of its pageblock's type), automatic
    /// `pcp->high`.
    V6_12,
    /// Linux 6.15 and later, checked against 6.18: fallback in the modes claim and steal.
    V6_18,
}

impl Profile {
    /// All profiles, oldest first.
    pub const ALL: [Self; 4] = [Self::Textbook, Self::V6_1, Self::V6_12, Self::V6_18];

    /// Name as on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Textbook => "textbook",
            Self::V6_1 => "6.1",
            Self::V6_12 => "6.12",
            Self::V6_18 => "6.18",
        }
    }

    /// The profile with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.name() == name)
    }

    /// The profile closest to a kernel release: before 3.0 the textbook's, before 6.10 that of 6.1, before 6.15 that of
    /// 6.12.
    pub const fn of_release(major: u32, minor: u32) -> Self {
        match (major, minor) {
            (..3, _) => Self::Textbook,
            (3..=5, _) | (6, ..10) => Self::V6_1,
            (6, 10..15) => Self::V6_12,
            _ => Self::V6_18,
        }
    }

    /// The rules of this generation.
    pub const fn rules(self) -> Rules {
        let (fallback, watermark, pcp) = match self {
            Self::Textbook => (FallbackRule::Textbook, WatermarkRule::Textbook, PcpRule::Textbook),
            Self::V6_1 => (FallbackRule::StealWholeBlock, WatermarkRule::Harder, PcpRule::FixedHigh),
            Self::V6_12 => (FallbackRule::Hygiene, WatermarkRule::Nested, PcpRule::AutoHigh),
            Self::V6_18 => (FallbackRule::ClaimOrSteal, WatermarkRule::Nested, PcpRule::AutoHigh),
        };
        let textbook = matches!(self, Self::Textbook);
        Rules {
            fallback,
            watermark,
            pcp,
            tail_when_merge_likely: !textbook,
            nofragment: !textbook,
            boost: !textbook,
            late_free_high: matches!(self, Self::V6_18),
            highatomic: !textbook,
            per_cpu_lists: true,
            mobility_grouping: true,
            movable_is_high: matches!(self, Self::V6_12 | Self::V6_18),
            pageblock_order: 9,
        }
    }
}

/// Which pages a request gets when its own type has none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FallbackRule {
    /// 2.6.34: the largest foreign block; its pageblock's free pages move along if it is half a pageblock or more.
    Textbook,
    /// 6.1 to 6.9: the largest, or for movable requests the smallest; all free pages of the pageblock change lists.
    StealWholeBlock,
    /// 6.10 to 6.14: the same search; free pages change lists only if the pageblock changes type.
    Hygiene,
    /// 6.15 and later: claim whole pageblocks from the top, then steal single pages from the bottom.
    ClaimOrSteal,
}

/// How the minimum is lowered for those who may use the reserve, and how free blocks are checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WatermarkRule {
    /// 2.6.34: halves the minimum for every order passed.
    Textbook,
    /// 4.4 to 6.2: `ALLOC_HARDER`.
    Harder,
    /// 6.3 and later: `ALLOC_MIN_RESERVE`, and `ALLOC_NON_BLOCK` within it.
    Nested,
}

/// How the per-CPU lists size themselves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PcpRule {
    /// 2.6.34: order 0 only, `high` = 6 × `batch`.
    Textbook,
    /// 5.13 to 6.6: orders 0 to 3 and 9, one fixed `high`.
    FixedHigh,
    /// 6.7 and later: `high` moves between `high_min` and `high_max`.
    AutoHigh,
}

/// What distinguishes the generations. Fields are public so that a what-if can change one and keep the rest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent policy a what-if may switch")]
pub struct Rules {
    /// Where a request goes when its own type's lists are empty.
    pub fallback: FallbackRule,
    /// Watermark arithmetic.
    pub watermark: WatermarkRule,
    /// Per-CPU list dynamics.
    pub pcp: PcpRule,
    /// Freed blocks go to the tail when a merge one order up is near (since 2.6.35).
    pub tail_when_merge_likely: bool,
    /// Unmovable requests spill into DMA32 before they break pageblocks of NORMAL (`ALLOC_NOFRAGMENT`, since 4.20).
    pub nofragment: bool,
    /// A mixed pageblock boosts the watermarks until kswapd has run (since 5.0).
    pub boost: bool,
    /// Per-CPU lists are emptied after a run of high-order frees only once half of `high_min` was freed (seen in 6.17);
    /// before, one batch.
    pub late_free_high: bool,
    /// Pageblocks are reserved for high-order atomic requests (since 4.4).
    pub highatomic: bool,
    /// Per-CPU lists are used at all.
    pub per_cpu_lists: bool,
    /// Pageblocks are grouped by mobility; off, every request counts as unmovable (`page_group_by_mobility_disabled`).
    pub mobility_grouping: bool,
    /// The movable zone has marks as high memory has, on 64-bit machines too (since 6.6).
    pub movable_is_high: bool,
    /// Log2 of the pages in a pageblock: 9 on x86-64.
    pub pageblock_order: u8,
}

impl Rules {
    /// Since 6.10 a free block is always on the list of its pageblock's type.
    #[inline]
    pub const fn keeps_lists_pure(&self) -> bool {
        matches!(self.fallback, FallbackRule::Hygiene | FallbackRule::ClaimOrSteal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_map_to_the_nearest_generation() {
        for (major, minor, profile) in [
            (2, 6, Profile::Textbook),
            (5, 15, Profile::V6_1),
            (6, 9, Profile::V6_1),
            (6, 10, Profile::V6_12),
            (6, 14, Profile::V6_12),
            (6, 18, Profile::V6_18),
            (7, 0, Profile::V6_18),
        ] {
            assert_eq!(Profile::of_release(major, minor), profile, "{major}.{minor}");
        }
    }
}
