//! Fragmentation as tables.

use trace::Header;

use super::{
    history::{History, Moment, Source},
    index::{extfrag_index, suitable, unusable_index},
    pageblocks, pollution,
    survey::Fragmentation,
};
use crate::{
    present::table::{Cell, Table, Unit},
    read::snapshots::Snapshot,
};

impl Fragmentation {
    /// Returns the first, worst and last unusable index of each zone and order, and for how long no block of the order
    /// was free.
    pub fn summary(&self, header: &Header, snapshots: &[Snapshot]) -> Table {
        let mut table = Table::new("Unusable index by zone and order");
        table.column("zone", "Zone", Unit::Text).column("order", "Order", Unit::Number);
        table.column("first", "First", Unit::Index).column("worst", "Worst", Unit::Index).column(
            "last",
            "Last",
            Unit::Index,
        );
        table.column("extfrag_last", "Extfrag index, last", Unit::Index);
        table.column("without", "Without a free block", Unit::Duration).column(
            "without_share",
            "of the time",
            Unit::Fraction,
        );
        table.hidden("snapshots_without", "Snapshots without a free block", Unit::Count).hidden(
            "snapshots",
            "Snapshots",
            Unit::Count,
        );
        for zone in 0..header.zones.len() as u8 {
            let of_zone: Vec<&Snapshot> = snapshots.iter().filter(|snapshot| snapshot.zone == zone).collect();
            let (Some(first), Some(last)) = (of_zone.first(), of_zone.last()) else { continue };
            let between = self.history.moments.iter().map(|moment| &moment.blocks).filter(|blocks| blocks.zone == zone);
            let known: Vec<&Snapshot> = of_zone.iter().copied().chain(between).collect();
            let scarcity = self.history.scarcity.get(usize::from(zone));
            for order in 0..first.nr_free.len() {
                let worst = known.iter().map(|snapshot| unusable_index(&snapshot.nr_free, order)).max().unwrap_or(0);
                let without = scarcity
                    .and_then(|scarcity| Some((*scarcity.without.get(order)?, scarcity.known)))
                    .filter(|(_, known)| *known > 0);
                table.row(vec![
                    Cell::Text(header.zone_name(zone)),
                    Cell::from(order),
                    Cell::Integer(unusable_index(&first.nr_free, order)),
                    Cell::Integer(worst),
                    Cell::Integer(unusable_index(&last.nr_free, order)),
                    Cell::Integer(extfrag_index(&last.nr_free, order)),
                    without.map_or(Cell::None, |(without, _)| Cell::Integer(without.cast_signed())),
                    without.map_or(Cell::None, |(without, known)| Cell::Real(without as f64 / known as f64)),
                    Cell::from(of_zone.iter().filter(|snapshot| suitable(&snapshot.nr_free, order) == 0).count()),
                    Cell::from(of_zone.len()),
                ]);
            }
        }
        table.note(
            "unusable index: share of the free memory that is in blocks too small for the order (0 = none, 1 = all)",
        );
        table.note("extfrag index: -1 = an allocation would succeed; towards 0 it would fail for want of memory, towards 1 because of fragmentation");
        table.note("without a free block: of this order or a larger one; blocks on pcp lists are not free ones");
        table.notes.extend(self.history.notes(header));
        table
    }

    /// Returns the fallbacks, and what is to be known about them.
    pub fn fallbacks_table(&self) -> Table {
        let mut table = self.fallbacks.table();
        if self.fallbacks.groups.is_empty() {
            table.notes.clear();
            table.note(if self.has_fallbacks {
                "✓ no request took a block of another migratetype while the trace was recorded"
            } else {
                "the trace has no such events: record with --events page,frag"
            });
        }
        table
    }

    /// Returns the pageblocks by migratetype.
    pub fn types_table(&self, header: &Header) -> Table {
        pageblocks::table(header, &self.types)
    }

    /// Returns the mixed pageblocks.
    pub fn pollution_table(&self, header: &Header) -> Table {
        let mut table = pollution::table(header, &self.pollution);
        if self.pollution.is_empty() {
            table.notes.clear();
            table.note("the trace does not say what its frames were used for at its start (/proc/kpageflags)");
        }
        table
    }
}

/// Returns both indices by zone, order and time: at every snapshot, and at those moments for which the events tell the
/// blocks.
pub fn over_time(header: &Header, snapshots: &[Snapshot], history: &History) -> Table {
    let read = snapshots.iter().map(|blocks| (blocks, Source::Read));
    let tracked = history
        .moments
        .iter()
        .filter(|moment| moment.source == Source::Tracked)
        .map(|moment| (&moment.blocks, moment.source));
    let mut all: Vec<_> = read.chain(tracked).collect();
    all.sort_by_key(|(blocks, _)| (blocks.time, blocks.zone));
    let mut table = indices(header, "Fragmentation by zone and order over time", all);
    table.notes = history.notes(header);
    table
}

/// Returns both indices by zone and order at the moments that were asked for.
pub fn at(header: &Header, title: &str, history: &History) -> Table {
    let moments = history.moments.iter().map(|Moment { blocks, source }| (blocks, *source));
    let mut table = indices(header, title, moments);
    if history.moments.iter().any(|moment| moment.source == Source::Read) {
        table.note("buddyinfo: what the last snapshot before that moment said");
    }
    table.notes.extend(history.notes(header));
    table
}

fn indices<'a>(header: &Header, title: &str, rows: impl IntoIterator<Item = (&'a Snapshot, Source)>) -> Table {
    let mut table = Table::new(title);
    table.column("time", "Time", Unit::Duration).column("zone", "Zone", Unit::Text).column(
        "order",
        "Order",
        Unit::Number,
    );
    table.column("nr_free", "Free blocks", Unit::Count);
    table.column("unusable_index", "Unusable index", Unit::Index).column("extfrag_index", "Extfrag index", Unit::Index);
    table.column("source", "From", Unit::Text);
    for (Snapshot { time, zone, nr_free }, source) in rows {
        for (order, blocks) in nr_free.iter().enumerate() {
            table.row(vec![
                since_start(header, *time),
                Cell::Text(header.zone_name(*zone)),
                Cell::from(order),
                Cell::Integer(blocks.cast_signed()),
                Cell::Integer(unusable_index(nr_free, order)),
                Cell::Integer(extfrag_index(nr_free, order)),
                Cell::Text(source.name().to_owned()),
            ]);
        }
    }
    table
}

/// Returns how wrong the tracked free blocks were at each snapshot.
pub fn drift(header: &Header, history: &History) -> Table {
    let mut table = Table::new("Drift: free blocks as reckoned from the events, and as /proc/buddyinfo then said");
    table.column("time", "Time", Unit::Duration).column("zone", "Zone", Unit::Text).column(
        "order",
        "Order",
        Unit::Number,
    );
    table.column("nr_free", "Buddyinfo", Unit::Count).column("reckoned", "Reckoned", Unit::Count).column(
        "drift",
        "Drift",
        Unit::Count,
    );
    table.column("share", "of the zone's free pages", Unit::Fraction).hidden(
        "from_start",
        "Reckoned from the start alone",
        Unit::Count,
    );
    for drift in &history.drifts {
        let free_pages = drift.read.free_pages().max(1);
        let counts = drift.read.nr_free.iter().zip(&drift.tracked).zip(&drift.from_start).enumerate();
        for (order, ((read, tracked), from_start)) in counts {
            table.row(vec![
                since_start(header, drift.read.time),
                Cell::Text(header.zone_name(drift.read.zone)),
                Cell::from(order),
                Cell::Integer(read.cast_signed()),
                Cell::Integer(tracked.cast_signed()),
                Cell::Integer(tracked.cast_signed().wrapping_sub(read.cast_signed())),
                Cell::Real((read.abs_diff(*tracked) << order) as f64 / free_pages as f64),
                Cell::Integer(from_start.cast_signed()),
            ]);
        }
    }
    table.notes = history.notes(header);
    table.note(history.contradictions.sentence());
    table
}

fn since_start(header: &Header, time: u64) -> Cell {
    Cell::Integer(time.saturating_sub(header.clock.start_ns).cast_signed())
}
