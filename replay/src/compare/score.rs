//! The distance between a model and the machine.

use reference::NR_ORDERS;
use serde::Serialize;

use crate::start::Snapshot;

/// The distance of a model from the machine. All values are fractions; `None` if the trace has nothing to compare with.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Score {
    /// The share of allocations that the model served from the zone that the machine used: 1 is best.
    pub zone_agreement: Option<f64>,
    /// The free pages in blocks of another order than the machine's, as a share of the free pages of both, averaged
    /// over the snapshots: 0 is best, 1 is worst.
    pub free_blocks_distance: Option<f64>,
    /// The difference in free pages, zone by zone, as a share of the machine's, averaged over the snapshots: 0 is best.
    pub free_pages_error: Option<f64>,
    /// The fallbacks to another migratetype that only one of the two made, counted by requested and taken type, as a
    /// share of the fallbacks of both: 0 is best. In a trace without events of that family it is the share of
    /// pageblocks whose type changed otherwise than on the machine, because fallbacks change the types of pageblocks.
    pub fallback_error: Option<f64>,
    /// The share of events that no class of gap explains: 0 is best.
    pub unexplained: Option<f64>,
}

/// The sums over the comparisons with the snapshots of a run.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Comparison {
    distance: f64,
    pages_error: f64,
    snapshots: u32,
}

impl Comparison {
    /// Adds the comparison of free blocks, by zone and order, with one snapshot.
    pub(crate) fn add(&mut self, model: &[[u64; NR_ORDERS]], machine: &Snapshot) {
        let (mut differ, mut both) = (0, 0);
        let (mut pages_differ, mut pages) = (0, 0);
        for (model, zone) in model.iter().zip(&machine.zones) {
            for (order, (a, b)) in model.iter().zip(&zone.free).enumerate() {
                differ += a.abs_diff(*b) << order;
                both += (a + b) << order;
            }
            let (a, b) = (reference::FreeBlocks(*model).pages(), zone.free_pages());
            pages_differ += a.abs_diff(b);
            pages += b;
        }
        self.distance += fraction(differ, both).unwrap_or(0.0);
        self.pages_error += fraction(pages_differ, pages).unwrap_or(0.0);
        self.snapshots += 1;
    }

    pub(crate) fn distance(&self) -> Option<f64> {
        (self.snapshots > 0).then(|| self.distance / f64::from(self.snapshots))
    }

    pub(crate) fn pages_error(&self) -> Option<f64> {
        (self.snapshots > 0).then(|| self.pages_error / f64::from(self.snapshots))
    }
}

/// The number of pageblocks by zone and type.
pub(crate) type Pageblocks = Vec<[u64; reference::MIGRATE_TYPES]>;

/// Returns the share of pageblocks whose type changed otherwise than on the machine. The share is half the sum of the
/// differences between the changes of each type's count, because a pageblock that changes leaves one type and joins
/// another. It compares changes and not counts, because the kernel does not count pageblocks without memory.
pub(crate) fn pageblock_error(model: (&Pageblocks, &Pageblocks), first: &Snapshot, last: &Snapshot) -> Option<f64> {
    let (mut differ, mut all) = (0, 0);
    for (z, (from, to)) in first.zones.iter().zip(&last.zones).enumerate() {
        for mt in 0..reference::MIGRATE_TYPES {
            let machine = to.pageblocks[mt].cast_signed() - from.pageblocks[mt].cast_signed();
            let model = model.1[z][mt].cast_signed() - model.0[z][mt].cast_signed();
            differ += machine.abs_diff(model);
            all += from.pageblocks[mt];
        }
    }
    fraction(differ, 2 * all)
}

/// The number of fallbacks by requested type and taken type.
pub(crate) type Fallbacks = [[u64; reference::MIGRATE_TYPES]; reference::MIGRATE_TYPES];

/// Returns the share of the fallbacks of both that only one of them made, or 0 if neither made any.
pub(crate) fn fallback_error(model: &Fallbacks, machine: &Fallbacks) -> Option<f64> {
    let pairs = || model.iter().flatten().zip(machine.iter().flatten());
    let differ = pairs().map(|(a, b)| a.abs_diff(*b)).sum();
    fraction(differ, pairs().map(|(a, b)| a + b).sum()).or(Some(0.0))
}

pub(crate) fn fraction(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::start::ZoneSnapshot;

    #[test]
    fn fallbacks_are_compared_by_type() {
        let mut machine = Fallbacks::default();
        assert_eq!(fallback_error(&machine, &machine), Some(0.0));
        machine[0][1] = 6;
        assert_eq!(fallback_error(&Fallbacks::default(), &machine), Some(1.0));
        let mut model = Fallbacks::default();
        (model[0][1], model[0][2]) = (2, 2);
        assert_eq!(
            fallback_error(&model, &machine),
            Some(0.6),
            "4 too few of one kind and 2 too many of another, of 10"
        );
    }

    #[test]
    fn distance_is_0_for_equals_and_1_for_strangers() {
        let mut machine = Snapshot { time: 0, zones: vec![ZoneSnapshot::default()] };
        machine.zones[0].free[3] = 10;
        let mut same = Comparison::default();
        same.add(&[machine.zones[0].free], &machine);
        assert_eq!((same.distance(), same.pages_error()), (Some(0.0), Some(0.0)));
        let mut other = [0; NR_ORDERS];
        other[0] = 80;
        let mut comparison = Comparison::default();
        comparison.add(&[other], &machine);
        assert_eq!((comparison.distance(), comparison.pages_error()), (Some(1.0), Some(0.0)));
        assert_eq!(Comparison::default().distance(), None);
    }
}
