//! Which type each pageblock had.

use std::collections::BTreeMap;

use reference::{MIGRATE_TYPES, Migratetype, NR_ORDERS};

use super::{
    frame::{AtStart, Use},
    history::FrameHistory,
    span::{FreeLists, Span},
};

/// What a frame that someone uses says about its pageblock, against what a free block says: others fall back into it,
/// too.
const FRAME_SAYS: f64 = 0.1;

/// Gives each pageblock a type, as many of each as the kernel counted: the likeliest first. What cannot be told apart:
/// unmovable and reclaimable lie at the zone's start, where boot put them.
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
    // A block of two pageblocks has one type.
    for (head, order) in free_blocks {
        let slots = span.slot(*head)..=span.slot(head + (1 << order) - 1);
        let mt = types[*slots.start()];
        types[slots].fill(mt);
    }
    types
}

/// How likely each type makes what is seen in a pageblock, as logarithms: its free blocks, of whose types the kernel
/// tells by order, and who uses the other frames.
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
            // Not 0 where there is none: the kernel counted while memory moved.
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
