//! This module groups events by several lists of keys in one pass.
//!
//! Every event belongs to one *cell*: the combination of its attributes and of those keys of the event itself that any
//! grouping has. So an event needs one look-up, however many groupings there are. The counts of a cell are added up to
//! the counts of its *groups* after the pass, by polars, since there are few cells. The peak of the live set cannot be
//! added up afterwards, so it is followed for every group during the pass: a cell knows its groups.

use std::collections::HashMap;

use polars::prelude::{Column, DataFrame, IdxCa, IntoLazy, NamedFrom, PolarsResult, Series, col};

use super::{
    accumulator::Accumulator,
    groups::{Counts, Group, Grouping},
};
use crate::{
    Error, Key,
    decode::{key::UNKNOWN, names::Names},
    fast_hash::NumberMap,
    matching::event::{Class, MatchedEvent},
    read::columns::{contiguous, i64s, u32s},
};

/// The accumulator that groups events by several lists of keys at once.
pub(crate) struct GroupBy<'a> {
    names: &'a Names<'a>,
    /// The keys of each grouping.
    by: Vec<Vec<Key>>,
    /// The distinct keys of all groupings, with the key `gfp` in place of `flag`.
    keys: Vec<Key>,
    /// Those of the keys that are no attributes of the allocation.
    own: [Option<Key>; 3],
    /// By number of attributes: the values of the keys `own` in the last event with these attributes, and that event's
    /// cell.
    recent: Vec<Option<([i64; 3], u32)>>,
    cell_of: NumberMap<(u32, [i64; 3]), u32>,
    cells: Vec<Cell>,
    /// The numbers of the groups that each cell belongs to, one cell after the other.
    members: Vec<u32>,
    /// The groups of all groupings: the grouping's index, and the values of its keys.
    groups: Vec<(usize, Vec<i64>)>,
    group_of: HashMap<(usize, Vec<i64>), u32>,
    /// By group: the bytes that are live.
    live: Vec<Live>,
}

/// The sums of events that are in the same groups of all groupings.
struct Cell {
    sums: [i64; SUMS.len()],
    /// The range of the cell's groups in [`GroupBy::members`].
    groups: (u32, u32),
}

/// The live bytes of one group, at the current event and at their peak.
#[derive(Clone, Copy, Default)]
struct Live {
    now: i64,
    peak: i64,
}

/// The names of the sums of a cell.
const SUMS: [&str; 10] = [
    "allocs",
    "frees",
    "alloc_bytes",
    "requested_bytes",
    "free_bytes",
    "failures",
    "refusals",
    "unmatched_frees",
    "implied_frees",
    "null_frees",
];

/// Adds an event to the [`SUMS`] of its cell.
fn add(sums: &mut [i64; SUMS.len()], event: &MatchedEvent<'_>) {
    let [
        allocs,
        frees,
        alloc_bytes,
        requested_bytes,
        free_bytes,
        failures,
        refusals,
        unmatched_frees,
        implied_frees,
        null_frees,
    ] = sums;
    let bytes = event.bytes.cast_signed();
    match event.class {
        Class::Allocated => {
            *allocs += 1;
            *alloc_bytes += bytes;
            *requested_bytes += event.requested.cast_signed();
        }
        Class::Failed => *failures += 1,
        Class::Refused => {
            *failures += 1;
            *refusals += 1;
        }
        Class::Freed => {
            *frees += 1;
            *free_bytes += bytes;
        }
        Class::Unmatched => {
            *frees += 1;
            *free_bytes += bytes;
            *unmatched_frees += 1;
        }
        Class::Implied => *implied_frees += 1,
        Class::Null => *null_frees += 1,
    }
}

impl<'a> GroupBy<'a> {
    /// Creates an accumulator that groups events by each of these lists of keys.
    pub fn new(groupings: &[&[Key]], names: &'a Names<'a>) -> Self {
        let mut keys = Vec::new();
        for key in groupings.iter().flat_map(|by| by.iter()).map(|key| key.source()) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        let mut own = keys.iter().copied().filter(|key| !key.is_attribute());
        Self {
            names,
            by: groupings.iter().map(|by| by.to_vec()).collect(),
            own: std::array::from_fn(|_| own.next()),
            keys,
            recent: Vec::new(),
            cell_of: NumberMap::default(),
            cells: Vec::new(),
            members: Vec::new(),
            groups: Vec::new(),
            group_of: HashMap::new(),
            live: Vec::new(),
        }
    }

    /// Returns the number of the cell that an event belongs to.
    fn cell(&mut self, event: &MatchedEvent<'_>) -> usize {
        let own = self.own.map(|key| key.map_or(0, |key| key.of(event, self.names)));
        let attributes = event.number as usize;
        if attributes >= self.recent.len() {
            self.recent.resize(attributes + 1, None);
        }
        if let Some((known, cell)) = self.recent[attributes]
            && known == own
        {
            return cell as usize;
        }
        let known = self.cell_of.get(&(event.number, own)).copied();
        let cell = known.unwrap_or_else(|| {
            let new = self.new_cell(event);
            self.cell_of.insert((event.number, own), new);
            new
        });
        self.recent[attributes] = Some((own, cell));
        cell as usize
    }

    /// Adds a cell for events like this one, and those of its groups that are new.
    fn new_cell(&mut self, event: &MatchedEvent<'_>) -> u32 {
        let first = self.members.len() as u32;
        for (grouping, by) in self.by.iter().enumerate() {
            let flags = if by.contains(&Key::Flag) { Key::Flag.of(event, self.names) } else { UNKNOWN };
            // A mask belongs to the group of each of its bits. An unknown mask belongs to a group of its own.
            let bits = match flags {
                UNKNOWN => vec![UNKNOWN],
                mask => (0..32).map(|bit| 1 << bit).filter(|bit| mask & bit != 0).collect(),
            };
            for bit in bits {
                let values: Vec<i64> =
                    by.iter().map(|key| if *key == Key::Flag { bit } else { key.of(event, self.names) }).collect();
                let number = *self.group_of.entry((grouping, values)).or_insert_with_key(|group| {
                    self.groups.push(group.clone());
                    self.live.push(Live::default());
                    self.groups.len() as u32 - 1
                });
                self.members.push(number);
            }
        }
        self.cells.push(Cell { sums: [0; SUMS.len()], groups: (first, self.members.len() as u32) });
        self.cells.len() as u32 - 1
    }

    /// Returns the groupings, in the order of the lists of keys.
    pub fn finish(self) -> Result<Vec<Grouping>, Error> {
        let mut groupings: Vec<Grouping> =
            self.by.iter().map(|by| Grouping { by: by.clone(), groups: Vec::new() }).collect();
        let sums = self.sums().map_err(Error::polars("the sums of the groups"))?;
        let columns = SUMS.iter().map(|sum| i64s(&sums, sum)).collect::<Result<Vec<_>, _>>()?;
        let scale = i64::from(self.names.header.sample.max(1));
        for (row, number) in u32s(&sums, "group")?.iter().enumerate() {
            let (grouping, values) = &self.groups[*number as usize];
            let live = &self.live[*number as usize];
            let Grouping { by, groups } = &mut groupings[*grouping];
            let [
                allocs,
                frees,
                alloc_bytes,
                requested_bytes,
                free_bytes,
                failures,
                refusals,
                unmatched_frees,
                implied_frees,
                null_frees,
            ] = std::array::from_fn(|sum| columns[sum][row]);
            let counts = Counts {
                allocs: allocs * scale,
                frees: frees * scale,
                alloc_bytes: alloc_bytes * scale,
                requested_bytes: requested_bytes * scale,
                free_bytes: free_bytes * scale,
                // Sampling is by page frame and by object, so all events that have neither are in the trace.
                failures,
                refusals,
                null_frees,
                unmatched_frees: unmatched_frees * scale,
                implied_frees: implied_frees * scale,
                live: live.now * scale,
                peak_live: live.peak * scale,
            };
            groups.push(Group {
                values: by.iter().zip(values).map(|(key, value)| (*value, key.decode(*value, self.names))).collect(),
                counts,
            });
        }
        for Grouping { groups, .. } in &mut groupings {
            groups.sort_by(|a, b| (b.counts.volume(), &a.values).cmp(&(a.counts.volume(), &b.values)));
        }
        Ok(groupings)
    }

    /// Returns the sums of every group, a row each.
    fn sums(&self) -> PolarsResult<DataFrame> {
        let sums = (0..SUMS.len())
            .map(|sum| Series::new(SUMS[sum].into(), self.cells.iter().map(|cell| cell.sums[sum]).collect::<Vec<_>>()));
        let cells = DataFrame::new_infer_height(sums.map(Column::from).collect())?;
        // There is a row for each cell and each of its groups: the cell's sums, and the group that they count for.
        let cell_of_member = self
            .cells
            .iter()
            .enumerate()
            .flat_map(|(cell, Cell { groups: (from, to), .. })| (*from..*to).map(move |_| cell as u32));
        let mut rows = cells.take(&IdxCa::new("cell".into(), cell_of_member.collect::<Vec<_>>()))?;
        rows.with_column(Column::from(Series::new("group".into(), &self.members)))?;
        rows.lazy().group_by([col("group")]).agg(SUMS.map(|sum| col(sum).sum())).collect().map(contiguous)
    }
}

impl Accumulator for GroupBy<'_> {
    fn event(&mut self, event: &MatchedEvent<'_>) {
        let cell = self.cell(event);
        let Cell { sums, groups: (from, to) } = &mut self.cells[cell];
        add(sums, event);
        if event.delta == 0 {
            return;
        }
        for group in &self.members[*from as usize..*to as usize] {
            let live = &mut self.live[*group as usize];
            live.now += event.delta;
            live.peak = live.peak.max(live.now);
        }
    }

    fn tells_apart(&self) -> Vec<Key> {
        self.keys.clone()
    }
}
