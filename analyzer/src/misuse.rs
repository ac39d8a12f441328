//! Frees that do not fit what was allocated: freed twice, in another size, or never allocated.

use std::collections::BTreeMap;

use crate::{
    Key,
    fast_hash::NumberSet,
    matched::{Actor, Class, Row},
    observer::Observer,
};

/// What is wrong with a free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Misuse {
    /// it was freed before, and nothing was allocated there since
    Twice,
    /// more pages than were allocated at once
    Larger,
    /// fewer pages than were allocated at once
    Smaller,
    /// nothing is known to have been allocated there: before the trace perhaps
    Unknown,
}

/// How often, and an example.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    pub count: i64,
    /// the first frame or object
    pub address: u64,
    /// when, ns
    pub time: u64,
}

/// Gathers them by who freed, and by the order of a page.
pub(crate) struct Frees {
    page_size: u64,
    /// the last thing that was freed there, as far as nothing was allocated since
    freed: NumberSet<u64>,
    pub cases: BTreeMap<(Misuse, Actor, i64), Case>,
}

impl Frees {
    /// `page_size` 0: objects, which have no order.
    pub fn new(page_size: u64) -> Self {
        Self { page_size, freed: NumberSet::default(), cases: BTreeMap::new() }
    }

    fn found(&mut self, misuse: Misuse, row: &Row<'_>) {
        let new = Case { count: 0, address: row.address, time: row.time };
        self.cases.entry((misuse, row.actor, row.order)).or_insert(new).count += 1;
    }
}

impl Observer for Frees {
    fn row(&mut self, row: &Row<'_>) {
        match row.class {
            Class::Allocated => {
                self.freed.remove(&row.address);
            }
            Class::Freed => {
                self.freed.insert(row.address);
                let allocated = self.page_size.checked_shl(row.order as u32).unwrap_or(0);
                if allocated > 0 && row.bytes > allocated {
                    self.found(Misuse::Larger, row);
                } else if allocated > 0 && row.bytes < allocated {
                    self.found(Misuse::Smaller, row);
                }
            }
            Class::Unmatched => {
                let misuse = if self.freed.contains(&row.address) { Misuse::Twice } else { Misuse::Unknown };
                self.found(misuse, row);
            }
            Class::Failed | Class::Refused | Class::Implied | Class::Null => {}
        }
    }

    fn asks_who(&self) -> Vec<Key> {
        Vec::new()
    }
}
