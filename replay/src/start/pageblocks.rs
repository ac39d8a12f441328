//! The type of each pageblock at the start.

use std::collections::BTreeMap;

use reference::{MIGRATE_TYPES, Migratetype, NR_ORDERS};

use super::{
    frame::{AtStart, Use},
    history::FrameHistory,
    span::{FreeLists, Span},
};

/// The amount that one frame adds to the logarithm of a type's likelihood. It is small, because frames in use are weak
/// evidence: allocations of other types fall back into the pageblock too.
const FRAME_SAYS: f64 = 0.1;

/// Returns a type for each pageblock, the most likely first, with as many pageblocks of each type as the kernel
/// counted. Among pageblocks that are equally likely, those at the zone's start become unmovable and reclaimable,
/// because boot puts such pages there.
pub(super) fn infer(
    history: &FrameHistory,
    span: Span,
    free_blocks: &BTreeMap<u64, u8>,
    nr_free: &FreeLists,
    pageblocks: &[u64; MIGRATE_TYPES],
) -> Vec<Migratetype> {
    let mut free = vec![[0; NR_ORDERS]; span.slots()];
    for (head, order) in free_blocks {
        free[span.slot(*head)][usize::from(*order)] += 1;
    }
    let likelihoods: Vec<_> = (0..span.slots())
        .map(|slot| likelihoods(history, span.pageblock(slot), &free[slot], nr_free, pageblocks))
        .collect();
    let mut types = vec![None; span.slots()];
    for mt in Migratetype::ALL.into_iter().filter(|mt| *mt != Migratetype::Movable) {
        let lead = |slot: &usize| {
            let others = likelihoods[*slot].iter().enumerate().filter(|(other, _)| *other != mt.index());
            likelihoods[*slot][mt.index()] - others.map(|(_, likelihood)| *likelihood).fold(f64::NEG_INFINITY, f64::max)
        };
        let mut likely: Vec<usize> = (0..span.slots()).filter(|slot| types[*slot].is_none()).collect();
        likely.sort_by(|a, b| lead(b).total_cmp(&lead(a)));
        for slot in likely.into_iter().take(pageblocks[mt.index()] as usize) {
            types[slot] = Some(mt);
        }
    }
    let mut types: Vec<_> = types.into_iter().map(|mt| mt.unwrap_or(Migratetype::Movable)).collect();
    // The pageblocks of one free block get one type.
    for (head, order) in free_blocks {
        let slots = span.slot(*head)..=span.slot(head + (1 << order) - 1);
        let mt = types[*slots.start()];
        types[slots].fill(mt);
    }
    types
}

/// Returns the logarithm of each type's likelihood, given a pageblock's free blocks, whose types the kernel counts by
/// order, and the users of its other frames.
fn likelihoods(
    history: &FrameHistory,
    pageblock: std::ops::Range<u64>,
    free: &[u64; NR_ORDERS],
    nr_free: &FreeLists,
    pageblocks: &[u64; MIGRATE_TYPES],
) -> [f64; MIGRATE_TYPES] {
    let mut likelihoods = pageblocks.map(|count| (count as f64).max(1e-3).ln());
    for (types, here) in nr_free.iter().zip(free) {
        for (mt, likelihood) in likelihoods.iter_mut().enumerate() {
            // The rate is not 0 where there is no block, because memory changed while the kernel counted.
            let per_pageblock = (types[mt] as f64 + 0.1) / (pageblocks[mt] as f64 + 0.1);
            *likelihood += *here as f64 * per_pageblock.ln();
        }
    }
    for pfn in pageblock {
        let speaks_for: &[Migratetype] = match history.at_start(pfn) {
            AtStart::Free(Some(mt)) => &[mt],
            AtStart::Held(Use::User) => &[Migratetype::Movable],
            AtStart::Held(Use::Kernel) | AtStart::Quiet => &[Migratetype::Unmovable, Migratetype::Reclaimable],
            AtStart::Held(Use::Someone)
            | AtStart::Free(None)
            | AtStart::Untold
            | AtStart::Unlisted
            | AtStart::Either => &[],
        };
        for mt in speaks_for {
            likelihoods[mt.index()] += FRAME_SAYS;
        }
    }
    likelihoods
}
