//! From the kernel's counts to the rows of a table.

use std::collections::HashMap;

use trace::{Program, Tally, TallyKey};

use super::{
    column::{Column, Family},
    key_names::{KeyNames, NO_VALUE},
};
use crate::bpf::Sample;

/// Allocations and frees that are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// allocations, failed ones among them
    pub allocs: u64,
    /// frees
    pub frees: u64,
    /// bytes given out
    pub alloc_bytes: u64,
    /// bytes that came back; the kernel tells none for a kfree
    pub free_bytes: u64,
    /// bytes that objects were asked for with
    pub requested_bytes: u64,
    /// allocations that failed
    pub failures: u64,
}

impl Counts {
    fn add(&mut self, program: u8, tally: Tally, page_size: u64) {
        let unit = if family(program) == Some(Family::Pages) { page_size } else { 1 };
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

/// A line of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// the values of the columns that were asked for
    pub values: Vec<String>,
    /// what was counted
    pub counts: Counts,
}

fn program(number: u8) -> Option<Program> {
    Program::ALL.into_iter().find(|known| *known as u8 == number)
}

fn family(number: u8) -> Option<Family> {
    Family::of(program(number)?)
}

fn is_free(number: u8) -> bool {
    program(number).is_some_and(|program| matches!(program, Program::PageFree | Program::Kfree | Program::CacheFree))
}

/// The counts of a family, told apart by the columns, as far as the programs did: most allocations first.
pub fn rows(sample: &Sample, of: Family, by: &[Column], names: &KeyNames) -> Vec<Row> {
    let page_size = names.header().page_size;
    let mut groups: HashMap<TallyKey, Counts> = HashMap::new();
    for (key, tally) in sample.tallies.iter().filter(|(key, _)| family(key.program) == Some(of)) {
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
    // Equal numbers in the order of the key, so that lines do not change places from look to look.
    rows.sort_by(|(a, left), (b, right)| {
        (right.counts.allocs, right.counts.frees, a).cmp(&(left.counts.allocs, left.counts.frees, b))
    });
    rows.into_iter().map(|(_, row)| row).collect()
}

/// The counts of a family, whether there was room to tell them apart or not.
pub fn total(sample: &Sample, of: Family, page_size: u64) -> Counts {
    let mut counts = Counts::default();
    let no_room = sample.no_room.iter().map(|(program, tally)| (*program as u8, tally));
    for (program, tally) in sample.tallies.iter().map(|(key, tally)| (key.program, tally)).chain(no_room) {
        if family(program) == Some(of) {
            counts.add(program, *tally, page_size);
        }
    }
    counts
}

/// The key without the columns that are not asked for. Its `program` says whether the values are those of a request
/// (0), or of a free that has none (1).
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
