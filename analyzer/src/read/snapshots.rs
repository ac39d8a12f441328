//! This module reads the free blocks by zone and order, as `/proc/buddyinfo` had them at several times of the
//! recording.

use std::collections::BTreeMap;

use trace::{ANY_MIGRATETYPE, FreeArea, Problem, Trace};

/// The greatest order that is read. No kernel's buddy allocator has so large an order, so a greater one comes from a
/// damaged or hostile file.
const LARGEST_ORDER: u8 = 20;

/// The free blocks of one zone at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The time of the snapshot, in ns of the trace's clock.
    pub time: u64,
    /// The zone, as an index into the header's zones.
    pub zone: u8,
    /// The number of free blocks of each order.
    pub nr_free: Vec<u64>,
}

impl Snapshot {
    /// Returns the number of pages in all free blocks.
    pub fn free_pages(&self) -> u64 {
        self.nr_free.iter().enumerate().map(|(order, blocks)| blocks << order).fold(0, u64::saturating_add)
    }
}

/// Reads every snapshot of every zone, in time order.
pub fn read(trace: &Trace, problems: &mut Vec<Problem>) -> Vec<Snapshot> {
    // Where a snapshot has both files, buddyinfo is taken, since it is exact. The kernel stops counting at 100000 in
    // pagetypeinfo, and does not read it at one moment.
    let (mut any, mut typed) = (BTreeMap::new(), BTreeMap::new());
    for FreeArea { time, snapshot, zone, order, migratetype, nr_free } in trace.all(problems) {
        if order > LARGEST_ORDER {
            continue;
        }
        let counts = if migratetype == ANY_MIGRATETYPE { &mut any } else { &mut typed };
        let (_, orders): &mut (u64, Vec<u64>) = counts.entry((snapshot, zone)).or_insert((time, Vec::new()));
        orders.resize(orders.len().max(usize::from(order) + 1), 0);
        orders[usize::from(order)] += nr_free;
    }
    for (key, counts) in typed {
        any.entry(key).or_insert(counts);
    }
    any.into_iter().map(|((_, zone), (time, nr_free))| Snapshot { time, zone, nr_free }).collect()
}
