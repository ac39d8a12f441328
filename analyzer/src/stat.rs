//! How much was allocated and freed, by any combination of keys.

use std::collections::{BTreeSet, HashMap};

use polars::prelude::{BooleanChunked, Column, DataFrame, DataType, Expr, IntoLazy, LazyFrame, NamedFrom, Series, col, lit};

use trace::Trace;

use crate::{
    Error, Events, Key, Loss,
    columns::{contiguous, i64s},
    frames::Progress,
    matched::{Class, UNKNOWN},
    names::Names,
    objects,
    observer::Observer,
    pages,
    table::{Cell, Table, Unit},
};

/// What is counted for each group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// allocations that succeeded
    pub allocs: i64,
    /// free events: of these allocations, or unmatched
    pub frees: i64,
    /// bytes allocated
    pub alloc_bytes: i64,
    /// bytes that were asked for; differs from `alloc_bytes` for kernel objects only
    pub requested_bytes: i64,
    /// bytes freed by the free events; unknown (0) for an unmatched free of a kernel object
    pub free_bytes: i64,
    /// allocations that failed
    pub failures: i64,
    /// frees of what was allocated before the trace, or by an event that the trace has not
    pub unmatched_frees: i64,
    /// frees that must have happened, since the memory was given out again, but that the trace has not
    pub implied_frees: i64,
    /// bytes allocated in the trace and not freed when it ends
    pub live: i64,
    /// greatest value that `live` ever had
    pub peak_live: i64,
}

/// The aggregates, in the order of [`Counts`]' fields.
const AGGREGATES: [&str; 10] =
    ["allocs", "frees", "alloc_bytes", "requested_bytes", "free_bytes", "failures", "unmatched_frees", "implied_frees", "delta", "highest"];

/// Counts per group, gathered frame by frame: polars aggregates each frame, the sums are kept here.
pub(crate) struct Statistic<'a> {
    by: Vec<Key>,
    names: &'a Names<'a>,
    groups: HashMap<Vec<i64>, Counts>,
}

impl<'a> Statistic<'a> {
    pub fn new(by: &[Key], names: &'a Names<'a>) -> Self {
        Self { by: by.to_vec(), names, groups: HashMap::new() }
    }

    /// Decodes the groups.
    pub fn finish(self) -> Stat {
        let decode = |values: Vec<i64>| self.by.iter().zip(values).map(|(key, value)| (value, key.decode(value, self.names))).collect();
        let mut groups: Vec<Group> = self.groups.into_iter().map(|(values, counts)| Group { values: decode(values), counts }).collect();
        groups.sort_by(|a, b| (b.counts.volume(), &a.values).cmp(&(a.counts.volume(), &b.values)));
        Stat { by: self.by, groups }
    }

    /// The rows that have one GFP bit. A row with several bits is in several groups, so each bit is aggregated on its own.
    fn aggregate_flag(&mut self, frame: &DataFrame, having: &BooleanChunked, flag: i64) -> Result<(), Error> {
        let with_flag = frame.filter(having).map(|frame| frame.lazy().with_column(lit(flag).alias("flag")));
        self.aggregate(with_flag.and_then(LazyFrame::collect).map_err(Error::polars("the flags"))?)
    }

    fn aggregate(&mut self, frame: DataFrame) -> Result<(), Error> {
        if frame.height() == 0 {
            return Ok(());
        }
        let keys: Vec<Expr> = self.by.iter().map(|key| col(key.column()).cast(DataType::Int64).alias(key.name())).collect();
        let is = |class: Class| col("class").eq(lit(class as u8));
        let count = |rows: Expr, name: &str| rows.cast(DataType::Int64).sum().alias(name);
        let bytes = |column: &str, rows: Expr, name: &str| (col(column).cast(DataType::Int64) * rows.cast(DataType::Int64)).sum().alias(name);
        let any_free = || is(Class::Freed).or(is(Class::Unmatched)).or(is(Class::Null));
        let aggregates = [
            count(is(Class::Allocated), "allocs"),
            count(any_free(), "frees"),
            bytes("bytes", is(Class::Allocated), "alloc_bytes"),
            bytes("requested", is(Class::Allocated), "requested_bytes"),
            bytes("bytes", is(Class::Freed).or(is(Class::Unmatched)), "free_bytes"),
            count(is(Class::Failed), "failures"),
            count(is(Class::Unmatched), "unmatched_frees"),
            count(is(Class::Implied), "implied_frees"),
            col("delta").sum().alias("delta"),
            // The live set of the group within the frame; what was live before is added below.
            col("delta").cum_sum(false).max().alias("highest"),
        ];
        let result = if keys.is_empty() { frame.lazy().select(aggregates) } else { frame.lazy().group_by(keys).agg(aggregates) };
        let result = result.collect().map(contiguous).map_err(Error::polars("the statistics"))?;
        let key_columns = self.by.iter().map(|key| i64s(&result, key.name())).collect::<Result<Vec<_>, _>>()?;
        let aggregates = AGGREGATES.iter().map(|name| i64s(&result, name)).collect::<Result<Vec<_>, _>>()?;
        for row in 0..result.height() {
            let group = self.groups.entry(key_columns.iter().map(|column| column[row]).collect()).or_default();
            let values: Vec<i64> = aggregates.iter().map(|column| column[row]).collect();
            group.add(&values);
        }
        Ok(())
    }
}

impl Counts {
    fn add(&mut self, aggregates: &[i64]) {
        let &[allocs, frees, alloc_bytes, requested_bytes, free_bytes, failures, unmatched, implied, delta, highest] = aggregates else {
            unreachable!("one value per name in AGGREGATES")
        };
        self.allocs += allocs;
        self.frees += frees;
        self.alloc_bytes += alloc_bytes;
        self.requested_bytes += requested_bytes;
        self.free_bytes += free_bytes;
        self.failures += failures;
        self.unmatched_frees += unmatched;
        self.implied_frees += implied;
        self.peak_live = self.peak_live.max(self.live + highest);
        self.live += delta;
    }

    /// What groups are sorted by: bytes allocated, then freed, then events.
    fn volume(&self) -> (i64, i64, i64) {
        (self.alloc_bytes, self.free_bytes, self.allocs + self.failures + self.frees)
    }
}

impl Observer for Statistic<'_> {
    fn frame(&mut self, frame: &DataFrame) -> Result<(), Error> {
        let mut frame = frame.clone();
        if self.by.contains(&Key::Function) {
            let functions: Vec<i64> =
                i64s(&frame, "callsite")?.iter().map(|id| self.names.representative(id.cast_unsigned()).cast_signed()).collect();
            frame.with_column(Column::from(Series::new("function".into(), functions))).map_err(Error::polars("the functions"))?;
        }
        if !self.by.contains(&Key::Flag) {
            return self.aggregate(frame);
        }
        // Each bit filters the frame anew: only the columns that are read go through that.
        let keys = self.by.iter().filter(|key| **key != Key::Flag).map(|key| key.column());
        let columns: BTreeSet<&str> = ["class", "delta", "bytes", "requested", "gfp"].into_iter().chain(keys).collect();
        let frame = frame.select(columns).map_err(Error::polars("the flags"))?;
        let present = i64s(&frame, "gfp")?.iter().filter(|gfp| **gfp != UNKNOWN).fold(0, |bits, gfp| bits | gfp);
        for bit in (0..32).map(|bit| 1_i64 << bit).filter(|bit| present & bit != 0) {
            let gfp = i64s(&frame, "gfp")?;
            let having: BooleanChunked = gfp.iter().map(|gfp| *gfp != UNKNOWN && gfp & bit != 0).collect();
            self.aggregate_flag(&frame, &having, bit)?;
        }
        let unknown: BooleanChunked = i64s(&frame, "gfp")?.iter().map(|gfp| *gfp == UNKNOWN).collect();
        self.aggregate_flag(&frame, &unknown, UNKNOWN)
    }
}

/// The result: one group per combination of values that occurs, greatest first.
#[derive(Debug, Clone)]
pub struct Stat {
    /// what was grouped by
    pub by: Vec<Key>,
    /// the groups
    pub groups: Vec<Group>,
}

/// One combination of values.
#[derive(Debug, Clone)]
pub struct Group {
    /// per key: the number and what it means
    pub values: Vec<(i64, String)>,
    /// what was counted
    pub counts: Counts,
}

impl Stat {
    /// Columns that people need not see where they are zero, or say the same as another.
    pub fn for_people(table: Table) -> Table {
        let mut table = table.without_empty(&["failures", "unmatched_frees", "implied_frees"]);
        let at = |id: &str| table.columns.iter().position(|column| column.id == id);
        if let (Some(requests), Some(allocs)) = (at("requests"), at("allocs")) {
            table.columns[requests].hidden = table.rows.iter().all(|row| row[requests] == row[allocs]);
        }
        table
    }

    /// The table that is printed, exported and shown in reports. `lost` events are missing in what it counts.
    pub fn table(&self, title: &str, lost: u64) -> Table {
        let mut table = Table::new(title);
        for key in &self.by {
            if key.is_number() {
                table.column(key.name(), key.title(), Unit::Number);
            } else {
                table.column(key.name(), key.title(), Unit::Text);
            }
        }
        table.column("requests", "Requests", Unit::Count);
        table.column("allocs", "Allocs", Unit::Count).column("frees", "Frees", Unit::Count);
        table.column("alloc_bytes", "Allocated", Unit::Bytes).column("free_bytes", "Freed", Unit::Bytes);
        table.column("failures", "Failures", Unit::Count);
        table.column("live", "Live at end", Unit::Bytes).column("peak_live", "Peak live", Unit::Bytes);
        table.column("unmatched_frees", "Unmatched", Unit::Count).column("implied_frees", "Implied", Unit::Count);
        table.hidden("requested_bytes", "Asked for", Unit::Bytes).hidden("lost_events", "Lost events", Unit::Count);
        for Group { values, counts } in &self.groups {
            let key_cells = self.by.iter().zip(values).map(|(key, (value, name))| {
                let number = key.is_number() && *value != UNKNOWN;
                if number { Cell::Integer(*value) } else { Cell::Text(name.clone()) }
            });
            let count = Cell::Integer;
            let cells = [
                count(counts.allocs + counts.failures),
                count(counts.allocs),
                count(counts.frees),
                count(counts.alloc_bytes),
                count(counts.free_bytes),
                count(counts.failures),
                count(counts.live),
                count(counts.peak_live),
                count(counts.unmatched_frees),
                count(counts.implied_frees),
                count(counts.requested_bytes),
                count(lost.cast_signed()),
            ];
            table.row(key_cells.chain(cells).collect());
        }
        if self.groups.iter().any(|group| group.counts.unmatched_frees > 0) {
            table.note(
                "unmatched: frees of what was allocated before the trace, or unseen by it; shown as - where only the allocation could tell the key",
            );
        }
        if self.groups.iter().any(|group| group.counts.implied_frees > 0) {
            table.note("implied: frees that the trace has not, but that must have happened, since the memory was given out again");
        }
        table
    }
}

/// Groups the events of one sort by `by`, in one pass over the trace. With the problems that were met.
///
/// # Errors
/// [`Error::NoSuchColumn`] for a key that these events do not have.
pub fn stat(trace: &Trace, events: Events, by: &[Key], progress: Progress<'_>) -> Result<(Stat, Loss), Error> {
    if let Some(key) = by.iter().find(|key| !key.is_in(events)) {
        let (events, instead) = match events {
            Events::Page => ("page", "it is known for kernel objects only, add --slab"),
            Events::Slab => ("slab", "it is known for pages only, leave out --slab"),
        };
        return Err(Error::NoSuchColumn { events, key: key.name(), instead });
    }
    let mut loss = Loss::read(trace);
    let names = Names::read(trace, &mut loss.problems);
    let mut statistic = Statistic::new(by, &names);
    let problems = match events {
        Events::Page => pages::observe(&names, trace, progress, &mut [&mut statistic])?,
        Events::Slab => objects::observe(&names, trace, progress, &mut [&mut statistic])?,
    };
    loss.add(problems);
    Ok((statistic.finish(), loss))
}
