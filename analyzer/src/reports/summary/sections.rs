//! What the page shows, section by section.

use trace::Trace;

use super::{charts::charts, numbers::Summary};
use crate::{
    Events, Key,
    aggregate::groups::{Group, Grouping},
    present::{
        charts::Chart,
        page::Section,
        table::{Cell, Column, Table, Unit},
    },
    read::loss::Totals,
    reports::{lifetimes, lint, replay::Replay, slab::Slab, slab::misfits_table, stat},
    units,
};

/// Rows of a table at most. So many a browser still sorts at once; the page shows the first of them until it is asked
/// for all.
const ROWS: usize = 10_000;
/// Rows of the tables about the slab allocator, whose call sites have a table of their own already.
const TOP_SLAB: usize = 25;

/// Returns all sections but that of a replay.
pub(super) fn all(trace: &Trace, summary: &Summary) -> Vec<Section> {
    let charts = charts(trace, summary);
    let chart = |name: &str| -> Vec<Chart> {
        charts.iter().filter(|chart| chart.name() == name && !chart.is_empty()).cloned().collect()
    };
    let pages = |grouping: &Grouping, title: &str| table(summary, grouping, title, Events::Page);
    let live = summary.pages.groups.first().map_or(0, |group| group.counts.live);
    vec![
        overview(summary, chart("rate")),
        Section {
            id: "zones",
            title: "Zones and orders",
            intro: "Where the pages came from: the zone that holds them, and how many were asked for at once. A free counts where its allocation was.".into(),
            charts: vec![],
            tables: vec![pages(&summary.zone_order, "Pages by zone and order")],
        },
        Section {
            id: "migratetypes",
            title: "Migratetypes and orders",
            intro: "What mobility was promised for the pages. The kernel keeps types in separate pageblocks, so that movable pages can be moved out of the way of large allocations.".into(),
            charts: chart("orders"),
            tables: vec![pages(&summary.migratetype_order, "Pages by migratetype and order")],
        },
        Section {
            id: "gfp",
            title: "GFP flags",
            intro: "What the callers allowed the allocator to do for them, in the words of the traced kernel: whole masks first, then each bit by itself.".into(),
            charts: [chart("treemap"), chart("gfp")].concat(),
            tables: vec![pages(&summary.gfp, "Pages by GFP mask"), flags(trace, summary)],
        },
        Section {
            id: "review",
            title: "Review",
            intro: "Requests that cannot be meant as they were made, that failed, or that will be the first to fail when memory is short or fragmented.".into(),
            charts: vec![],
            tables: vec![review(trace, summary)],
        },
        Section {
            id: "callsites",
            title: "Call sites",
            intro: "Which places in the kernel allocated objects with kmalloc, and how much of what they got they had not asked for.".into(),
            charts: chart("callsites"),
            tables: vec![callsites(summary)],
        },
        Section {
            id: "slab",
            title: "Slab allocator",
            intro: "How much memory kernel objects took beyond what was asked for, when that was worst, and which requests another size would serve better.".into(),
            charts: vec![],
            tables: slab(trace, summary),
        },
        Section {
            id: "processes",
            title: "Processes",
            intro: "On whose behalf pages were allocated: the thread that ran. Work in interrupts counts for the interrupted thread.".into(),
            charts: vec![],
            tables: vec![pages(&summary.comm, "Pages by process name")],
        },
        Section {
            id: "free-blocks",
            title: "Free blocks over time",
            intro: "What the buddy allocator had left, by order, whenever /proc/buddyinfo was read. Pages on the per-CPU lists are in none of these blocks.".into(),
            charts: chart("free-blocks"),
            tables: vec![],
        },
        Section {
            id: "fragmentation",
            title: "Fragmentation",
            intro: "How much of the free memory is of no use for an allocation of an order, by the kernel's own formula; and what makes it so: requests that took blocks of another migratetype, and pageblocks in which pages that stay lie among pages that could move.".into(),
            charts: chart("unusable"),
            tables: fragmentation(trace, summary),
        },
        Section {
            id: "lifetimes",
            title: "Lifetimes",
            intro: format!("How long pages stayed allocated. {} allocated in the trace were still live at its end; that is no leak by itself: caches and long-running processes keep memory on purpose.", units::bytes(live)),
            charts: [chart("live"), chart("lifetimes")].concat(),
            tables: vec![lifetimes::table(Key::Order, &summary.lifetimes)],
        },
        integrity(summary),
    ]
}

/// Returns the section about what a replay found.
pub(super) fn model(replay: &Replay) -> Section {
    let intro = format!(
        "A reference implementation of the allocator, started from the first snapshot, got the same requests. {} Where the two lines part, the model does not do what the machine did.",
        replay.sentence()
    );
    let charts = Some(replay.chart()).filter(|chart| !chart.is_empty()).into_iter().collect();
    Section { id: "model", title: "Model against machine", intro, charts, tables: vec![replay.table()] }
}

/// Returns a grouping as a table, with its losses.
fn table(summary: &Summary, grouping: &Grouping, title: &str, events: Events) -> Table {
    let loss = &summary.info.loss;
    let mut table = stat::for_people(stat::table(grouping, title, loss.lost(events)));
    cut(&mut table, "`analyzer stat` shows all");
    if loss.lost(events) > 0 {
        table.notes.extend(loss.sentence(events));
    }
    table
}

/// Leaves at most [`ROWS`] rows, and says where the others are.
fn cut(table: &mut Table, elsewhere: &str) {
    let all = table.rows.len();
    if all > ROWS {
        table.rows.truncate(ROWS);
        table.note(format!("the first {} of {} rows; {elsewhere}", units::len(ROWS), units::len(all)));
    }
}

/// Returns the section about all events together.
fn overview(summary: &Summary, charts: Vec<Chart>) -> Section {
    let mut table = Table::new("All events together");
    table.column("what", "What", Unit::Text).column("allocs", "Allocations", Unit::Count).column(
        "frees",
        "Frees",
        Unit::Count,
    );
    table.column("failures", "Failures", Unit::Count).column("alloc_bytes", "Allocated", Unit::Bytes).column(
        "free_bytes",
        "Freed",
        Unit::Bytes,
    );
    table.column("live", "Live at end", Unit::Bytes).column("peak_live", "Peak live", Unit::Bytes);
    table.column("unmatched_frees", "Unmatched", Unit::Count).column("implied_frees", "Implied", Unit::Count);
    for (what, grouping) in [("pages", &summary.pages), ("kernel objects", &summary.objects)] {
        let Some(Group { counts, .. }) = grouping.groups.first() else { continue };
        let numbers = [
            counts.allocs,
            counts.frees,
            counts.failures,
            counts.alloc_bytes,
            counts.free_bytes,
            counts.live,
            counts.peak_live,
            counts.unmatched_frees,
            counts.implied_frees,
        ];
        table.row(std::iter::once(Cell::Text(what.into())).chain(numbers.map(Cell::Integer)).collect());
    }
    table.note("live and peak count only what was allocated within the trace; an unmatched free is one of memory that was allocated before it, or in a way that the kernel does not trace (bulk allocations)");
    table.note("an implied free was not seen, but must have happened: the memory was given out again");
    let intro = "How much memory was given out and taken back while the trace was recorded.".into();
    Section { id: "summary", title: "Summary", intro, charts, tables: vec![table] }
}

/// Returns the GFP bits with what they mean.
fn flags(trace: &Trace, summary: &Summary) -> Table {
    let mut table = table(summary, &summary.flag, "Pages by single GFP bit", Events::Page);
    table.columns.insert(1, Column { id: "meaning".into(), title: "Meaning".into(), unit: Unit::Text, hidden: false });
    for row in &mut table.rows {
        let meaning = if let Cell::Text(name) = &row[0] { gfp::meaning(name).unwrap_or("") } else { "" };
        row.insert(1, Cell::Text(meaning.to_owned()));
    }
    table.note(format!("decoded with the flag table of {}", trace.header.kernel));
    table
}

/// Returns how broken up free memory is, and what made it so; only tables that say something.
fn fragmentation(trace: &Trace, summary: &Summary) -> Vec<Table> {
    let (header, found) = (&trace.header, &summary.fragmentation);
    let mut indices = found.summary(header, &summary.snapshots);
    indices.notes.extend(summary.info.loss.sentence_of_frag());
    let mut fallbacks = found.fallbacks_table();
    cut(&mut fallbacks, "`analyzer frag --fallbacks` shows all");
    let others = [fallbacks, found.types_table(header), found.pollution_table(header)];
    std::iter::once(indices).chain(others.into_iter().filter(|table| !table.rows.is_empty())).collect()
}

/// Returns what the rules for requests found.
fn review(trace: &Trace, summary: &Summary) -> Table {
    let findings = lint::findings(&trace.header, &summary.requests, &summary.callers);
    let mut table = lint::table(&findings);
    cut(&mut table, "`analyzer lint` shows all");
    if findings.is_empty() {
        table.note("✓ no rule found anything");
    }
    table
}

/// Returns call sites with the waste in what they got.
fn callsites(summary: &Summary) -> Table {
    let mut table = Table::new("Kernel objects by call site");
    table.column("callsite", "Call site", Unit::Text).column("allocs", "Allocs", Unit::Count).column(
        "frees",
        "Frees",
        Unit::Count,
    );
    table.column("requested_bytes", "Asked for", Unit::Bytes).column("alloc_bytes", "Allocated", Unit::Bytes);
    table.column("waste", "Waste", Unit::Fraction).column("live", "Live at end", Unit::Bytes).column(
        "peak_live",
        "Peak live",
        Unit::Bytes,
    );
    for Group { values, counts } in summary.callsite.groups.iter().filter(|group| group.counts.allocs > 0) {
        let waste = 1.0 - counts.requested_bytes as f64 / counts.alloc_bytes.max(1) as f64;
        table.row(vec![
            Cell::Text(values[0].1.clone()),
            Cell::Integer(counts.allocs),
            Cell::Integer(counts.frees),
            Cell::Integer(counts.requested_bytes),
            Cell::Integer(counts.alloc_bytes),
            Cell::Real(waste.max(0.0)),
            Cell::Integer(counts.live),
            Cell::Integer(counts.peak_live),
        ]);
    }
    cut(&mut table, "`analyzer stat --slab --by callsite` shows all");
    if summary.info.loss.lost(Events::Slab) > 0 {
        table.notes.extend(summary.info.loss.sentence(Events::Slab));
    }
    table
}

/// Returns who wasted most at once, and what fits badly; what `analyzer slab` shows.
fn slab(trace: &Trace, summary: &Summary) -> Vec<Table> {
    let Slab { usages: all, misfits, .. } = &summary.slab;
    let mut usages = summary.slab.table(&trace.header);
    for column in &mut usages.columns {
        // The table of call sites has them, too; without them this one fits a page.
        column.hidden |= ["alloc", "req", "tot_alloc", "tot_req"].contains(&column.id.as_str());
    }
    let mut tables = vec![usages];
    if !misfits.is_empty() {
        tables.push(misfits_table(misfits, trace.header.clock.start_ns));
    }
    for (table, all) in tables.iter_mut().zip([all.len(), misfits.len()]) {
        if all > TOP_SLAB {
            let all = units::len(all);
            table.note(format!("the {TOP_SLAB} greatest of {all} rows; `analyzer slab` shows all"));
            table.rows.truncate(TOP_SLAB);
        }
        if summary.info.loss.lost(Events::Slab) > 0 {
            table.notes.extend(summary.info.loss.sentence(Events::Slab));
        }
    }
    tables
}

/// Returns the section about damage and losses.
fn integrity(summary: &Summary) -> Section {
    let loss = &summary.info.loss;
    let mut ledger = loss.table();
    let totals: Totals = loss.totals();
    ledger.note(totals.equation());
    ledger.note(format!(
        "missed {}: the kernel did not run a program because it was running already on that CPU",
        units::count(totals.missed.cast_signed())
    ));
    let mut problems = Table::new("Problems");
    problems.column("file", "File", Unit::Text).column("batch", "Batch", Unit::Number).column(
        "rows_lost",
        "Rows lost",
        Unit::Count,
    );
    problems.column("detail", "What is wrong", Unit::Text);
    for problem in &loss.problems {
        problems.row(vec![
            Cell::Text(problem.file.clone()),
            problem.batch.map_or(Cell::None, |batch| Cell::Integer(i64::from(batch))),
            Cell::Integer(problem.rows_lost.cast_signed()),
            Cell::Text(problem.detail.clone()),
        ]);
    }
    let intact = "Every checksum of the trace is right.";
    let intro = if loss.problems.is_empty() {
        intact.to_owned()
    } else {
        format!("{} problem(s) were found; everything else was read.", units::len(loss.problems.len()))
    };
    let mut tables = vec![ledger];
    if !loss.problems.is_empty() {
        tables.insert(0, problems);
    }
    Section { id: "integrity", title: "Integrity and loss", intro, charts: vec![], tables }
}
