//! How fragmented the free memory of a zone is, by the kernel's own integer formulae (`mm/vmstat.c`).

use trace::Trace;

use crate::{
    snapshots::Snapshot,
    table::{Cell, Table, Unit},
};

/// `unusable_free_index`: which share of the free memory is of no use for an allocation of this order, in thousandths: 0 = all of it is
/// usable, 1000 = none. As in debugfs `extfrag/unusable_index`.
pub fn unusable_index(nr_free: &[u64], order: usize) -> i64 {
    let free_pages = pages(nr_free);
    if free_pages == 0 {
        return 1000;
    }
    ((u128::from(free_pages - (suitable(nr_free, order) << order)) * 1000) / u128::from(free_pages)) as i64
}

/// `__fragmentation_index`: why an allocation of this order would fail, in thousandths: towards 0 for want of memory, towards 1000 because
/// of fragmentation; -1000 if it would succeed. As in debugfs `extfrag/extfrag_index`.
pub fn extfrag_index(nr_free: &[u64], order: usize) -> i64 {
    let blocks: u64 = nr_free.iter().sum();
    if blocks == 0 {
        return 0;
    }
    if suitable(nr_free, order) > 0 {
        return -1000;
    }
    let requested = 1_u128 << order;
    1000 - ((1000 + u128::from(pages(nr_free)) * 1000 / requested) / u128::from(blocks)) as i64
}

fn pages(nr_free: &[u64]) -> u64 {
    nr_free.iter().enumerate().map(|(order, blocks)| blocks << order).sum()
}

/// Blocks of `order` that the free blocks hold.
fn suitable(nr_free: &[u64], order: usize) -> u64 {
    nr_free.iter().enumerate().skip(order).map(|(at, blocks)| blocks << (at - order)).sum()
}

/// Both indices by zone, order and time.
pub fn table(trace: &Trace, snapshots: &[Snapshot]) -> Table {
    let mut table = Table::new("Fragmentation by zone and order at each snapshot");
    table.column("time", "Time", Unit::Duration).column("zone", "Zone", Unit::Text).column("order", "Order", Unit::Number);
    table.column("nr_free", "Free blocks", Unit::Count);
    table.column("unusable_index", "Unusable index", Unit::Index).column("extfrag_index", "Extfrag index", Unit::Index);
    for Snapshot { time, zone, nr_free } in snapshots {
        for (order, blocks) in nr_free.iter().enumerate() {
            table.row(vec![
                Cell::Integer(time.saturating_sub(trace.header.clock.start_ns).cast_signed()),
                Cell::Text(trace.header.zone_name(*zone)),
                Cell::from(order),
                Cell::Integer(blocks.cast_signed()),
                Cell::Integer(unusable_index(nr_free, order)),
                Cell::Integer(extfrag_index(nr_free, order)),
            ]);
        }
    }
    table
}

/// First, worst and last unusable index of each zone and order, and for how long no block of the order was free.
pub fn summary(trace: &Trace, snapshots: &[Snapshot]) -> Table {
    let mut table = Table::new("Unusable index by zone and order");
    table.column("zone", "Zone", Unit::Text).column("order", "Order", Unit::Number);
    table.column("first", "First", Unit::Index).column("worst", "Worst", Unit::Index).column("last", "Last", Unit::Index);
    table.column("extfrag_last", "Extfrag index, last", Unit::Index);
    table.column("snapshots_without", "Snapshots without a free block", Unit::Count).column("snapshots", "Snapshots", Unit::Count);
    for zone in 0..trace.header.zones.len() as u8 {
        let of_zone: Vec<&Snapshot> = snapshots.iter().filter(|snapshot| snapshot.zone == zone).collect();
        let (Some(first), Some(last)) = (of_zone.first(), of_zone.last()) else { continue };
        for order in 0..first.nr_free.len() {
            let worst = of_zone.iter().map(|snapshot| unusable_index(&snapshot.nr_free, order)).max().unwrap_or(0);
            let without = of_zone.iter().filter(|snapshot| suitable(&snapshot.nr_free, order) == 0).count();
            table.row(vec![
                Cell::Text(trace.header.zone_name(zone)),
                Cell::from(order),
                Cell::Integer(unusable_index(&first.nr_free, order)),
                Cell::Integer(worst),
                Cell::Integer(unusable_index(&last.nr_free, order)),
                Cell::Integer(extfrag_index(&last.nr_free, order)),
                Cell::from(without),
                Cell::from(of_zone.len()),
            ]);
        }
    }
    table.note("unusable index: share of the free memory that is in blocks too small for the order (0 = none, 1 = all)");
    table.note("extfrag index: -1 = an allocation would succeed; towards 0 it would fail for want of memory, towards 1 because of fragmentation");
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_indices_are_the_kernels() {
        // 4 free pages in blocks 0,0 and 1: for order 1 half of it is usable, for order 2 nothing is.
        let nr_free = [2, 1, 0];
        assert_eq!([0, 1, 2].map(|order| unusable_index(&nr_free, order)), [0, 500, 1000]);
        // B = 3, F = 4: 1000 - (1000 + 4 * 1000 / 4) / 3 = 1000 - 666
        assert_eq!([0, 1, 2].map(|order| extfrag_index(&nr_free, order)), [-1000, -1000, 334]);
        // /proc/buddyinfo of a 6.18 host's DMA zone: two blocks of order 10, one of 9 … against its debugfs extfrag.
        let dma = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2];
        assert_eq!([8, 9, 10].map(|order| unusable_index(&dma, order)), [0, 90, 272]);
    }

    #[test]
    fn nothing_free_is_wholly_unusable_and_no_fragmentation() {
        assert_eq!((unusable_index(&[0, 0], 1), extfrag_index(&[0, 0], 1)), (1000, 0));
        assert_eq!((unusable_index(&[], 0), extfrag_index(&[], 0)), (1000, 0));
    }

    #[test]
    fn want_of_memory_tends_to_zero() {
        // One free page, order 10 wanted: 1000 - (1000 + 1000/1024) / 1 = 0.
        assert_eq!(extfrag_index(&[1], 10), 1000 - 1000);
    }
}
