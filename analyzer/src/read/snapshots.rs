//! Free blocks by zone and order over time, as `/proc/buddyinfo` said while the events were recorded.

use std::collections::BTreeMap;

use trace::{ANY_MIGRATETYPE, FreeArea, Problem, Trace};

/// The greatest order that is believed. No kernel's buddy allocator goes so far: more comes from a damaged or hostile
/// file.
const LARGEST_ORDER: u8 = 20;

/// The free blocks of one zone at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// when, in ns of the clock
    pub time: u64,
    /// index into the header's zones
    pub zone: u8,
    /// free blocks by order
    pub nr_free: Vec<u64>,
}

impl Snapshot {
    /// Returns how many pages are in the blocks.
    pub fn free_pages(&self) -> u64 {
        self.nr_free.iter().enumerate().map(|(order, blocks)| blocks << order).fold(0, u64::saturating_add)
    }
}

/// Reads every snapshot of every zone, in time order.
pub fn read(trace: &Trace, problems: &mut Vec<Problem>) -> Vec<Snapshot> {
    // Where both were read, buddyinfo counts exactly; pagetypeinfo stops at 100000 and is not taken at one moment.
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
