//! How much was allocated and freed, by any combination of keys.

use trace::Trace;

use crate::{
    Error, Events, Key, Loss,
    aggregate::{
        accumulator::accumulate,
        group_by::GroupBy,
        groups::{Group, Grouping},
    },
    decode::{key::UNKNOWN, names::Names},
    present::table::{Cell, Table, Unit},
    read::batches::Progress,
};

/// Hides the columns that people need not see: those that are zero everywhere, or say the same as another.
pub fn for_people(table: Table) -> Table {
    let mut table = table.without_empty(&["failures", "refusals", "unmatched_frees", "implied_frees", "null_frees"]);
    let at = |id: &str| table.columns.iter().position(|column| column.id == id);
    if let (Some(requests), Some(allocs)) = (at("requests"), at("allocs")) {
        table.columns[requests].hidden = table.rows.iter().all(|row| row[requests] == row[allocs]);
    }
    table
}

/// Returns the table that is printed, exported and shown in reports. `lost` events are missing in what it counts.
pub fn table(grouping: &Grouping, title: &str, lost: u64) -> Table {
    let mut table = Table::new(title);
    for key in &grouping.by {
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
    for Group { values, counts } in &grouping.groups {
        let key_cells = grouping.by.iter().zip(values).map(|(key, (value, name))| {
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
    if grouping.groups.iter().any(|group| group.counts.unmatched_frees > 0) {
        table.note(
            "unmatched: frees of what was allocated before the trace, or unseen by it; shown as - where only the allocation could tell the key",
        );
    }
    if grouping.groups.iter().any(|group| group.counts.refusals > 0) {
        table.note("over limit: failures for which there were pages, but not within the limit of a memory cgroup; the kernel's free of them is unmatched");
    }
    if grouping.groups.iter().any(|group| group.counts.implied_frees > 0) {
        table.note(
            "implied: frees that the trace has not, but that must have happened, since the memory was given out again",
        );
    }
    table
}

/// Groups the events of one sort by `by`, in one pass over the trace.
///
/// # Errors
/// [`Error::NoSuchColumn`] for a key that these events do not have.
pub fn read(trace: &Trace, events: Events, by: &[Key], progress: Progress<'_>) -> Result<(Grouping, Loss), Error> {
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
    let mut group_by = GroupBy::new(&[by], &names);
    loss.add(accumulate(events, &names, trace, progress, &mut [&mut group_by])?);
    let grouping = group_by.finish()?.pop().expect("one grouping was asked for");
    Ok((grouping, loss))
}
