//! The conversion of a sample's counts to the rows of a table.

use std::collections::HashMap;

use trace::{Program, Tally, TallyKey};

use super::{
    allocator::Allocator,
    column::Column,
    key_names::{KeyNames, NO_VALUE},
};
use crate::bpf::Sample;

/// The counts of a row, or of all rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// The number of allocations, including failed ones.
    pub allocs: u64,
    /// The number of frees.
    pub frees: u64,
    /// The number of bytes that were given out.
    pub alloc_bytes: u64,
    /// The number of bytes that came back; 0 for objects, because the kernel does not report the size of a freed
    /// object.
    pub free_bytes: u64,
    /// The number of bytes that allocations of objects asked for.
    pub requested_bytes: u64,
    /// The number of allocations that failed.
    pub failures: u64,
}

impl Counts {
    /// Adds the counts of a program for one key. `page_size` is in bytes.
    fn add(&mut self, program: u8, tally: Tally, page_size: u64) {
        let unit = if allocator(program) == Some(Allocator::Page) { page_size } else { 1 };
        if is_free(program) {
            self.frees += tally.events;
            self.free_bytes += tally.amount * unit;
        } else {
            self.allocs += tally.events;
            self.alloc_bytes += tally.amount * unit;
            self.requested_bytes += tally.requested;
            self.failures += tally.failures;
        }
    }
}

/// A row of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The values of the table's columns, as text.
    pub values: Vec<String>,
    /// The counts of the events with these values.
    pub counts: Counts,
}

fn program(number: u8) -> Option<Program> {
    Program::ALL.into_iter().find(|known| *known as u8 == number)
}

fn allocator(number: u8) -> Option<Allocator> {
    Allocator::of(program(number)?)
}

fn is_free(number: u8) -> bool {
    program(number).is_some_and(|program| matches!(program, Program::PageFree | Program::Kfree | Program::CacheFree))
}

/// Returns the rows of an allocator's table with the columns `by`, which are among those that the programs told apart.
/// The row with the most allocations comes first.
pub(crate) fn rows(sample: &Sample, of: Allocator, by: &[Column], names: &KeyNames) -> Vec<Row> {
    let page_size = names.header().page_size;
    let mut groups: HashMap<TallyKey, Counts> = HashMap::new();
    for (key, tally) in sample.tallies.iter().filter(|(key, _)| allocator(key.program) == Some(of)) {
        groups.entry(project(key, by)).or_default().add(key.program, *tally, page_size);
    }
    let mut rows: Vec<_> = groups
        .into_iter()
        .map(|(key, counts)| {
            let text = |column: &Column| {
                if column.is_of_requests() && key.program != 0 {
                    NO_VALUE.to_owned()
                } else {
                    names.text(*column, &key)
                }
            };
            (key, Row { values: by.iter().map(text).collect(), counts })
        })
        .collect();
    // Rows with equal counts are in the order of their keys, so that they do not change places from one interval to the
    // next.
    rows.sort_by(|(a, left), (b, right)| {
        (right.counts.allocs, right.counts.frees, a).cmp(&(left.counts.allocs, left.counts.frees, b))
    });
    rows.into_iter().map(|(_, row)| row).collect()
}

/// Returns the counts of all events of an allocator, including those for which the map had no room.
pub(crate) fn total(sample: &Sample, of: Allocator, page_size: u64) -> Counts {
    let mut counts = Counts::default();
    let no_room = sample.no_room.iter().map(|(program, tally)| (*program as u8, tally));
    for (program, tally) in sample.tallies.iter().map(|(key, tally)| (key.program, tally)).chain(no_room) {
        if allocator(program) == Some(of) {
            counts.add(program, *tally, page_size);
        }
    }
    counts
}

/// Returns the key without the columns that the table does not have. The key's `program` is 1 for a free in a table
/// with a column in which only requests have a value, so that such frees get a row of their own, and otherwise 0.
fn project(key: &TallyKey, by: &[Column]) -> TallyKey {
    let asked = |column| by.contains(&column);
    let free = is_free(key.program) && by.iter().any(|column| column.is_of_requests());
    TallyKey {
        program: u8::from(free),
        order: if asked(Column::Order) { key.order } else { 0 },
        zone: if asked(Column::Zone) { key.zone } else { 0 },
        migratetype: if asked(Column::Migratetype) { key.migratetype } else { 0 },
        gfp: if asked(Column::Gfp) { key.gfp } else { 0 },
        call_site: if asked(Column::CallSite) { key.call_site } else { 0 },
        cache: if asked(Column::Cache) { key.cache } else { 0 },
        comm: if asked(Column::Comm) { key.comm } else { [0; 16] },
    }
}
