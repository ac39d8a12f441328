//! How much was allocated and freed, by any combination of keys.

use trace::Trace;

use crate::{
    Error, Events, Key, Loss,
    cube::Cube,
    frames::Progress,
    matched::UNKNOWN,
    names::Names,
    objects, pages,
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
    /// those of them for which there were pages, but the memory cgroup of who asked was at its limit
    pub refusals: i64,
    /// frees of what was allocated before the trace, or by an event that the trace has not
    pub unmatched_frees: i64,
    /// `kfree(NULL)`: calls that free nothing, and are no `frees`
    pub null_frees: i64,
    /// frees that must have happened, since the memory was given out again, but that the trace has not
    pub implied_frees: i64,
    /// bytes allocated in the trace and not freed when it ends
    pub live: i64,
    /// greatest value that `live` ever had
    pub peak_live: i64,
}

impl Counts {
    /// What groups are sorted by: bytes allocated, then freed, then events.
    pub(crate) fn volume(&self) -> (i64, i64, i64) {
        (self.alloc_bytes, self.free_bytes, self.allocs + self.failures + self.frees)
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
        let mut table =
            table.without_empty(&["failures", "refusals", "unmatched_frees", "implied_frees", "null_frees"]);
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
            table.column(key.name(), key.title(), key.unit());
        }
        table.column("requests", "Requests", Unit::Count);
        table.column("allocs", "Allocs", Unit::Count).column("frees", "Frees", Unit::Count);
        table.column("alloc_bytes", "Allocated", Unit::Bytes).column("free_bytes", "Freed", Unit::Bytes);
        table.column("failures", "Failures", Unit::Count).column("refusals", "Over limit", Unit::Count);
        table.column("live", "Live at end", Unit::Bytes).column("peak_live", "Peak live", Unit::Bytes);
        table.column("unmatched_frees", "Unmatched", Unit::Count).column("implied_frees", "Implied", Unit::Count);
        table.column("null_frees", "kfree(NULL)", Unit::Count);
        table.hidden("requested_bytes", "Asked for", Unit::Bytes).hidden("lost_events", "Lost events", Unit::Count);
        for Group { values, counts } in &self.groups {
            let key_cells = self.by.iter().zip(values).map(|(key, (value, name))| {
                let number = key.unit() != Unit::Text && *value != UNKNOWN;
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
                count(counts.refusals),
                count(counts.live),
                count(counts.peak_live),
                count(counts.unmatched_frees),
                count(counts.implied_frees),
                count(counts.null_frees),
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
        if self.groups.iter().any(|group| group.counts.refusals > 0) {
            table.note("over limit: failures for which there were pages, but not within the limit of a memory cgroup; the kernel's free of them is unmatched");
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
    if let Some(key) = by
        .iter()
        .find(|key| events == Events::Page && matches!(key, Key::Callsite | Key::Function) && !names.has_stacks())
    {
        let instead = "it comes from kernel stacks, which this trace has not: record with --stacks; for kernel objects, add --slab";
        return Err(Error::NoSuchColumn { events: "page", key: key.name(), instead });
    }
    let mut cube = Cube::new(&[by], &names);
    let problems = match events {
        Events::Page => pages::observe(&names, trace, progress, &mut [&mut cube])?,
        Events::Slab => objects::observe(&names, trace, progress, &mut [&mut cube])?,
    };
    loss.add(problems);
    let stat = cube.finish()?.pop().expect("one statistic was asked for");
    Ok((stat, loss))
}
