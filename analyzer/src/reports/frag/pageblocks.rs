//! Pageblocks: how many there are of each migratetype.

use std::collections::BTreeMap;

use trace::{Header, Pageblock, Problem, Trace};

use crate::present::table::{Cell, Table, Unit};

/// Pageblocks of one zone and migratetype, as `/proc/pagetypeinfo` counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TypeCount {
    /// index into the header's zones
    pub zone: u8,
    /// index into the header's migratetypes
    pub migratetype: u8,
    /// in the first snapshot
    pub first: u64,
    /// in the last one
    pub last: u64,
}

/// Reads the pageblocks of every zone and migratetype that has any.
pub(super) fn types(trace: &Trace, problems: &mut Vec<Problem>) -> Vec<TypeCount> {
    let mut counts: BTreeMap<(u8, u8), (u64, u64)> = BTreeMap::new();
    for Pageblock { zone, migratetype, count, .. } in trace.all(problems) {
        counts.entry((zone, migratetype)).or_insert((count, count)).1 = count;
    }
    let counts = counts.into_iter().filter(|(_, (first, last))| first + last > 0);
    counts.map(|((zone, migratetype), (first, last))| TypeCount { zone, migratetype, first, last }).collect()
}

/// Returns the table of [`types`].
pub(super) fn table(header: &Header, types: &[TypeCount]) -> Table {
    let mut table = Table::new("Pageblocks by zone and migratetype");
    table.column("zone", "Zone", Unit::Text).column("migratetype", "Migratetype", Unit::Text);
    table.column("first", "First", Unit::Count).column("last", "Last", Unit::Count).column(
        "change",
        "Change",
        Unit::Count,
    );
    for TypeCount { zone, migratetype, first, last } in types {
        table.row(vec![
            Cell::Text(header.zone_name(*zone)),
            Cell::Text(header.migratetype_name(*migratetype)),
            Cell::Integer(first.cast_signed()),
            Cell::Integer(last.cast_signed()),
            Cell::Integer(last.cast_signed().wrapping_sub(first.cast_signed())),
        ]);
    }
    table.note("in the first and the last snapshot of /proc/pagetypeinfo");
    table
}
