//! The report of an interval, in the form in which it is printed.

use serde_json::{Map, Value, json};
use trace::{Latency, Wait};

use super::{
    allocator::Allocator,
    column::Column,
    key_names::KeyNames,
    rows::{Counts, Row, rows, total},
};
use crate::bpf::{ProgramAccount, Sample};

/// The counts of an interval.
#[derive(Debug, Clone)]
pub struct Report {
    /// The end of the interval, in ns since counting began.
    pub(super) at_ns: u64,
    /// The length of the interval in ns.
    pub(super) took_ns: u64,
    /// The tables, one for each allocator whose events are counted.
    pub(super) tables: Vec<Table>,
    /// The histograms of the durations of reclaim and compaction.
    pub(super) latencies: Vec<(Wait, Latency)>,
    /// The account of what became of the events of each program.
    pub(super) ledger: Vec<ProgramAccount>,
}

/// The counts of one allocator's events.
#[derive(Debug, Clone)]
pub(super) struct Table {
    /// The allocator.
    pub(super) allocator: Allocator,
    /// The columns that tell rows apart: those of the requested columns in which the allocator's events have a value.
    pub(super) by: Vec<Column>,
    /// The counts of all events, including those for which there was no row.
    pub(super) total: Counts,
    /// The rows; empty if there are no columns.
    pub(super) rows: Vec<Row>,
}

impl Report {
    /// Returns the report of the difference of two samples, `at_ns` ns after counting began.
    pub(super) fn new(at_ns: u64, sample: &Sample, allocators: &[Allocator], by: &[Column], names: &KeyNames) -> Self {
        let table = |allocator: &Allocator| {
            let by: Vec<_> = by.iter().copied().filter(|column| allocator.has(*column)).collect();
            let rows = if by.is_empty() { Vec::new() } else { rows(sample, *allocator, &by, names) };
            Table { allocator: *allocator, by, total: total(sample, *allocator, names.header().page_size), rows }
        };
        Self {
            at_ns,
            took_ns: sample.time,
            tables: allocators.iter().map(table).collect(),
            latencies: Wait::ALL.into_iter().map(|wait| (wait, sample.latencies[wait as usize])).collect(),
            ledger: sample.ledger(),
        }
    }

    /// Returns the report as JSON. The keys are those of `analyzer stat --json` where the meaning is the same.
    pub fn json(&self) -> Value {
        let mut report = Map::new();
        report.insert("at_s".to_owned(), json!(self.at_ns as f64 / 1e9));
        report.insert("duration_s".to_owned(), json!(self.took_ns as f64 / 1e9));
        for table in &self.tables {
            let row = |row: &Row| {
                let mut object = counts(table.allocator, row.counts);
                for (column, value) in table.by.iter().zip(&row.values) {
                    // An order is a number, and every other value is a name.
                    let value = if *column == Column::Order { json!(value.parse::<u8>().ok()) } else { json!(value) };
                    object.insert(column.name().to_owned(), value);
                }
                Value::Object(object)
            };
            let rows: Vec<_> = table.rows.iter().map(row).collect();
            report.insert(
                table.allocator.name().to_owned(),
                json!({ "total": counts(table.allocator, table.total), "rows": rows }),
            );
        }
        let latencies = self.latencies.iter().map(|(wait, latency)| (wait.name().to_owned(), histogram(latency)));
        report.insert("latency".to_owned(), Value::Object(latencies.collect()));
        let total = ProgramAccount::total(&self.ledger);
        report.insert(
            "ledger".to_owned(),
            json!({
                "seen": total.seen, "counted": total.counted, "no_room": total.no_room, "filtered": total.filtered, "missed": total.missed,
                "per_program": self.ledger,
            }),
        );
        Value::Object(report)
    }
}

fn counts(allocator: Allocator, counts: Counts) -> Map<String, Value> {
    let Counts { allocs, frees, alloc_bytes, free_bytes, requested_bytes, failures } = counts;
    let of_allocator = match allocator {
        Allocator::Page => ("free_bytes", free_bytes),
        Allocator::Slab => ("requested_bytes", requested_bytes),
    };
    let pairs =
        [("allocs", allocs), ("frees", frees), ("alloc_bytes", alloc_bytes), of_allocator, ("failures", failures)];
    pairs.into_iter().map(|(key, value)| (key.to_owned(), json!(value))).collect()
}

fn histogram(latency: &Latency) -> Value {
    let filled = latency.buckets.iter().enumerate().filter(|(_, count)| **count > 0);
    let buckets: Vec<_> = filled
        .map(|(bucket, count)| json!({ "from_ns": if bucket == 0 { 0 } else { 1_u64 << bucket }, "count": count }))
        .collect();
    json!({ "count": latency.count, "total_ns": latency.total_ns, "max_ns": latency.max_ns, "unpaired": latency.unpaired, "buckets": buckets })
}
