//! Several statistics over the same events, gathered in one pass.
//!
//! An event is looked up once: it belongs to a *cell*, the combination of everything that any of the statistics groups by. Cells only
//! add up. What cannot be added up afterwards, the peak of the live set, is followed per *group* of each statistic: a cell knows
//! its groups. There are few cells, so polars aggregates them to groups in no time when the events are through.

use std::collections::HashMap;

use polars::prelude::{Column, DataFrame, IntoLazy, NamedFrom, Series, col};

use crate::{
    Error, Key,
    columns::{contiguous, i64s, u32s},
    fast_hash::NumberMap,
    matched::{Class, Row, UNKNOWN},
    names::Names,
    observer::Observer,
    stat::{Counts, Group, Stat},
};

/// See the module.
pub(crate) struct Cube<'a> {
    names: &'a Names<'a>,
    /// everything that is grouped by; whole masks stand for their bits
    keys: Vec<Key>,
    cell_of: NumberMap<Box<[i64]>, u32>,
    /// the values of the event at hand, kept so that no event needs memory of its own
    values: Vec<i64>,
    cells: Vec<[i64; SUMS.len()]>,
    views: Vec<View>,
}

/// One of the statistics.
struct View {
    by: Vec<Key>,
    group_of: HashMap<Vec<i64>, u32>,
    groups: Vec<(Vec<i64>, Live)>,
    /// per cell, where its groups stand in `members`
    spans: Vec<(u32, u32)>,
    members: Vec<u32>,
}

#[derive(Clone, Copy, Default)]
struct Live {
    now: i64,
    peak: i64,
}

/// What is summed per cell.
const SUMS: [&str; 9] =
    ["allocs", "frees", "alloc_bytes", "requested_bytes", "free_bytes", "failures", "unmatched_frees", "implied_frees", "null_frees"];

/// What an event adds to the [`SUMS`].
fn add(sums: &mut [i64; SUMS.len()], row: &Row) {
    let [allocs, frees, alloc_bytes, requested_bytes, free_bytes, failures, unmatched_frees, implied_frees, null_frees] = sums;
    let bytes = row.bytes.cast_signed();
    match row.class {
        Class::Allocated => {
            *allocs += 1;
            *alloc_bytes += bytes;
            *requested_bytes += row.requested.cast_signed();
        }
        Class::Failed => *failures += 1,
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

impl<'a> Cube<'a> {
    pub fn new(statistics: &[&[Key]], names: &'a Names<'a>) -> Self {
        let mut keys = Vec::new();
        for key in statistics.iter().flat_map(|by| by.iter()).map(|key| key.source()) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        let view = |by: &&[Key]| View { by: by.to_vec(), group_of: HashMap::new(), groups: Vec::new(), spans: Vec::new(), members: Vec::new() };
        Self { names, keys, cell_of: NumberMap::default(), values: Vec::new(), cells: Vec::new(), views: statistics.iter().map(view).collect() }
    }

    fn cell(&mut self, row: &Row) -> usize {
        self.values.clear();
        self.values.extend(self.keys.iter().map(|key| key.of(row, self.names)));
        if let Some(cell) = self.cell_of.get(&self.values[..]) {
            return *cell as usize;
        }
        let cell = self.cells.len();
        self.cell_of.insert(self.values.as_slice().into(), cell as u32);
        self.cells.push([0; SUMS.len()]);
        for view in &mut self.views {
            view.join(&self.keys, &self.values);
        }
        cell
    }

    /// The statistics, in the order in which they were asked for.
    pub fn finish(self) -> Result<Vec<Stat>, Error> {
        let scale = i64::from(self.names.header.sample.max(1));
        let sums = (0..SUMS.len()).map(|sum| Series::new(SUMS[sum].into(), self.cells.iter().map(|cell| cell[sum]).collect::<Vec<_>>()));
        let sums: Vec<Column> = sums.map(Column::from).collect();
        let cells = DataFrame::new_infer_height(sums).map_err(Error::polars("the statistics"))?;
        self.views.into_iter().map(|view| view.finish(&cells, self.names, scale)).collect()
    }
}

impl View {
    /// Enters a new cell with these values.
    fn join(&mut self, keys: &[Key], values: &[i64]) {
        let first = self.members.len() as u32;
        let value = |key: Key| values[keys.iter().position(|known| *known == key.source()).expect("every key is in the cube")];
        let flags = self.by.contains(&Key::Flag).then(|| value(Key::Flag));
        // A mask is in the group of each of its bits; one that is not known is in a group of its own.
        let bits: Vec<i64> = match flags {
            None | Some(UNKNOWN) => vec![UNKNOWN],
            Some(mask) => (0..32).map(|bit| 1 << bit).filter(|bit| mask & bit != 0).collect(),
        };
        for bit in bits {
            let group: Vec<i64> = self.by.iter().map(|key| if *key == Key::Flag { bit } else { value(*key) }).collect();
            let number = *self.group_of.entry(group).or_insert_with_key(|group| {
                self.groups.push((group.clone(), Live::default()));
                self.groups.len() as u32 - 1
            });
            self.members.push(number);
        }
        self.spans.push((first, self.members.len() as u32));
    }

    fn finish(self, cells: &DataFrame, names: &Names<'_>, scale: i64) -> Result<Stat, Error> {
        // A row per membership: the cell's sums, and the group that they count for.
        let cell_of_member = self.spans.iter().enumerate().flat_map(|(cell, (from, to))| (*from..*to).map(move |_| cell as u32));
        let index = polars::prelude::IdxCa::new("cell".into(), cell_of_member.collect::<Vec<_>>());
        let mut rows = cells.take(&index).map_err(Error::polars("the statistics"))?;
        rows.with_column(Column::from(Series::new("group".into(), self.members))).map_err(Error::polars("the statistics"))?;
        let sums = rows.lazy().group_by([col("group")]).agg(SUMS.map(|sum| col(sum).sum())).collect();
        let sums = sums.map(contiguous).map_err(Error::polars("the statistics"))?;
        let number = u32s(&sums, "group")?;
        let columns = SUMS.iter().map(|sum| i64s(&sums, sum)).collect::<Result<Vec<_>, _>>()?;
        let mut groups: Vec<Group> = (0..sums.height())
            .map(|row| {
                let (values, live) = &self.groups[number[row] as usize];
                let values = self.by.iter().zip(values).map(|(key, value)| (*value, key.decode(*value, names))).collect();
                let [allocs, frees, alloc_bytes, requested_bytes, free_bytes, failures, unmatched_frees, implied_frees, null_frees] =
                    std::array::from_fn(|sum| columns[sum][row]);
                let counts = Counts {
                    allocs: allocs * scale,
                    frees: frees * scale,
                    alloc_bytes: alloc_bytes * scale,
                    requested_bytes: requested_bytes * scale,
                    free_bytes: free_bytes * scale,
                    // What has no frame and no object cannot be sampled by it: these are all in the trace.
                    failures,
                    null_frees,
                    unmatched_frees: unmatched_frees * scale,
                    implied_frees: implied_frees * scale,
                    live: live.now * scale,
                    peak_live: live.peak * scale,
                };
                Group { values, counts }
            })
            .collect();
        groups.sort_by(|a, b| (b.counts.volume(), &a.values).cmp(&(a.counts.volume(), &b.values)));
        Ok(Stat { by: self.by, groups })
    }
}

impl Observer for Cube<'_> {
    fn row(&mut self, row: &Row) {
        let cell = self.cell(row);
        add(&mut self.cells[cell], row);
        if row.delta == 0 {
            return;
        }
        for view in &mut self.views {
            let (from, to) = view.spans[cell];
            for group in &view.members[from as usize..to as usize] {
                let live = &mut view.groups[*group as usize].1;
                live.now += row.delta;
                live.peak = live.peak.max(live.now);
            }
        }
    }
}
