//! The rules in which the generations of kernels differ.

use gfp::Generation;

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
    /// The rules of a generation of kernels.
    pub const fn of(generation: Generation) -> Self {
        let (fallback, watermark, pcp) = match generation {
            Generation::Textbook => (FallbackRule::Textbook, WatermarkRule::Textbook, PcpRule::Textbook),
            Generation::V6_1 => (FallbackRule::StealWholeBlock, WatermarkRule::Harder, PcpRule::FixedHigh),
            Generation::V6_12 => (FallbackRule::Hygiene, WatermarkRule::Nested, PcpRule::AutoHigh),
            Generation::V6_18 => (FallbackRule::ClaimOrSteal, WatermarkRule::Nested, PcpRule::AutoHigh),
        };
        let textbook = matches!(generation, Generation::Textbook);
        Self {
            fallback,
            watermark,
            pcp,
            tail_when_merge_likely: !textbook,
            nofragment: !textbook,
            boost: !textbook,
            late_free_high: matches!(generation, Generation::V6_18),
            highatomic: !textbook,
            per_cpu_lists: true,
            mobility_grouping: true,
            movable_is_high: matches!(generation, Generation::V6_12 | Generation::V6_18),
            pageblock_order: 9,
        }
    }

    /// Since 6.10 a free block is always on the list of its pageblock's type.
    #[inline]
    pub const fn keeps_lists_pure(&self) -> bool {
        matches!(self.fallback, FallbackRule::Hygiene | FallbackRule::ClaimOrSteal)
    }
}
