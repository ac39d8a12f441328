//! Free blocks by zone and order over time, as `/proc/buddyinfo` said while the events were recorded.

use std::collections::BTreeMap;

use trace::{ANY_MIGRATETYPE, FreeArea, Problem, Trace};

use crate::table::{Cell, Table, Unit};

/// No kernel's buddy allocator goes so far; a greater order comes from a damaged or hostile file.
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
    /// Free pages.
    pub fn free_pages(&self) -> u64 {
        self.nr_free.iter().enumerate().map(|(order, blocks)| blocks << order).fold(0, u64::saturating_add)
    }
}

/// Every snapshot of every zone, in time order.
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

/// Free blocks by order, zone and time, in long form: the data of the charts.
pub fn table(trace: &Trace, snapshots: &[Snapshot]) -> Table {
    let mut table = Table::new("Free blocks by zone and order at each snapshot");
    table.column("time", "Time", Unit::Duration).column("zone", "Zone", Unit::Text).column(
        "order",
        "Order",
        Unit::Number,
    );
    table.column("nr_free", "Free blocks", Unit::Count).column("free_bytes", "Free", Unit::Bytes);
    for snapshot in snapshots {
        for (order, blocks) in snapshot.nr_free.iter().enumerate() {
            table.row(vec![
                Cell::Integer(snapshot.time.saturating_sub(trace.header.clock.start_ns).cast_signed()),
                Cell::Text(trace.header.zone_name(snapshot.zone)),
                Cell::from(order),
                Cell::Integer(blocks.cast_signed()),
                Cell::Integer(((blocks << order) * trace.header.page_size).cast_signed()),
            ]);
        }
    }
    table
}
