//! The rules in which the generations of kernels differ.

use gfp::Generation;

/// The pages that a request gets when no block of its own type is free.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FallbackRule {
    /// The rule of 2.6.34: take the largest block of another type; if it is half a pageblock or more, the free pages of
    /// its pageblock change lists with it.
    Textbook,
    /// The rule of 6.1 to 6.9: take the largest block, or for movable requests the smallest; all free pages of the
    /// pageblock change lists.
    StealWholeBlock,
    /// The rule of 6.10 to 6.14: the search is that of 6.1, but free pages change lists only if the pageblock changes
    /// type.
    Hygiene,
    /// The rule of 6.15 and later: claim whole pageblocks, largest block first, then steal single blocks, smallest
    /// first.
    ClaimOrSteal,
}

/// How far the min mark is lowered for requests that may use the reserve, and how free blocks are checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WatermarkRule {
    /// The rule of 2.6.34: the min mark is halved for every order below the request's.
    Textbook,
    /// The rule of 4.4 to 6.2, with `ALLOC_HARDER`.
    Harder,
    /// The rule of 6.3 and later, with `ALLOC_MIN_RESERVE`, and `ALLOC_NON_BLOCK` as a part of it.
    Nested,
}

/// How the sizes of the per-CPU lists are determined.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PcpRule {
    /// The rule of 2.6.34: order 0 only, and `high` is 6 × `batch`.
    Textbook,
    /// The rule of 5.13 to 6.6: orders 0 to 3 and 9, and one fixed `high`.
    FixedHigh,
    /// The rule of 6.7 and later: `high` moves between `high_min` and `high_max`.
    AutoHigh,
}

/// The differences between the generations. The fields are public so that a what-if can change one and keep the rest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent policy a what-if may switch")]
pub struct Rules {
    /// The rule for a request whose own type's lists are empty.
    pub fallback: FallbackRule,
    /// The rule of the watermark arithmetic.
    pub watermark: WatermarkRule,
    /// The rule of the per-CPU lists' sizes.
    pub pcp: PcpRule,
    /// Whether a freed block goes to the tail of its list when a merge one order up is near (since 2.6.35).
    pub tail_when_merge_likely: bool,
    /// Whether unmovable requests use DMA32 before they break pageblocks of NORMAL (`ALLOC_NOFRAGMENT`, since 4.20).
    pub nofragment: bool,
    /// Whether a pageblock that becomes mixed boosts the watermarks until kswapd has run (since 5.0).
    pub boost: bool,
    /// Whether a run of high-order frees empties the per-CPU lists only after half of `high_min` was freed (seen in
    /// 6.17). Before, one batch was enough.
    pub late_free_high: bool,
    /// Whether pageblocks are reserved for high-order atomic requests (since 4.4).
    pub highatomic: bool,
    /// Whether per-CPU lists are used.
    pub per_cpu_lists: bool,
    /// Whether pageblocks are grouped by mobility. If not, every request counts as unmovable
    /// (`page_group_by_mobility_disabled`).
    pub mobility_grouping: bool,
    /// Whether the movable zone has marks like those of high memory on 64-bit machines too (since 6.6).
    pub movable_is_high: bool,
    /// Log2 of the pages in a pageblock: 9 on x86-64.
    pub pageblock_order: u8,
}

impl Rules {
    /// Returns the rules of a generation of kernels.
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

    /// Returns whether a free block is always on the list of its pageblock's type, which is so since 6.10.
    #[inline]
    pub const fn keeps_lists_pure(&self) -> bool {
        matches!(self.fallback, FallbackRule::Hygiene | FallbackRule::ClaimOrSteal)
    }
}
