//! This module reads a table of the trace as polars data frames, a bounded number of rows at a time.
//!
//! A segment's record batches may be small, so neighbouring ones are read together until they have about 64 Ki rows.

use std::{
    io::Cursor,
    ops::RangeInclusive,
    panic,
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
};

use polars::prelude::{DataFrame, IpcStreamReader, SerReader};
use trace::{Batch, Problem, Segment, Trace};

use super::columns::u64s;
use crate::Error;

/// The number of rows that are read together, unless one record batch has more. It is large enough to make the
/// hand-over between threads cheap, and small enough for the rows to stay in a processor's cache.
const BATCH_ROWS: u64 = 1 << 16;
/// The number of batches that are read ahead while one is worked on.
const READ_AHEAD: usize = 2;

/// A function that takes the number of rows read so far and the number of all rows, so that it can draw a progress bar.
pub type Progress<'a> = &'a (dyn Fn(u64, u64) + Sync);

/// Ignores the progress: this is the [`Progress`] of callers that draw no progress bar.
pub fn silent(_done: u64, _of: u64) {}

/// Calls `each` with the intact rows of a table that are in the trace's span of time, in time order, in batches of
/// about [`BATCH_ROWS`] rows. With `columns`, only these columns are decoded. A second thread reads and decompresses
/// the next batches meanwhile.
///
/// # Errors
/// Returns the error of `each`, or polars' error if a column is missing. Damage is no error: it is among the problems
/// that are returned.
pub(crate) fn for_each(
    trace: &Trace,
    table: &str,
    columns: Option<&[&str]>,
    progress: Progress<'_>,
    mut each: impl FnMut(DataFrame) -> Result<(), Error>,
) -> Result<Vec<Problem>, Error> {
    let (total, mut done, mut problems) = (trace.rows_of(table), 0, Vec::new());
    let parts =
        trace.table(table).flat_map(|segment| parts(segment).into_iter().map(move |batches| (segment, batches)));
    let parts: Vec<_> = parts.filter(|(_, batches)| batches.iter().any(|batch| trace.reads(table, batch))).collect();
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::sync_channel(READ_AHEAD);
        scope.spawn(move || {
            for (segment, batches) in parts {
                // The receiver is gone if `each` has failed.
                if sender.send((read(trace, segment, batches, columns), rows(trace, segment, batches))).is_err() {
                    break;
                }
            }
        });
        for (part, rows) in receiver {
            let (batch, mut damage) = part?;
            problems.append(&mut damage);
            done += rows;
            if batch.height() > 0 {
                each(batch)?;
            }
            progress(done, total);
        }
        // Every read of a segment meets its damaged schema again, but that is one problem.
        problems.dedup();
        Ok(problems)
    })
}

/// Runs `first` and `second` at the same time, each on its own thread, since tables do not depend on one another. Both
/// report to one `progress`, whose total is `rows`, the rows of both together.
pub fn both<A: Send, B>(
    rows: u64,
    progress: Progress<'_>,
    first: impl FnOnce(Progress<'_>) -> A + Send,
    second: impl FnOnce(Progress<'_>) -> B,
) -> (A, B) {
    let done = &AtomicU64::new(0);
    let share = || {
        let known = AtomicU64::new(0);
        move |mine: u64, _of: u64| {
            let new = mine.saturating_sub(known.swap(mine, Ordering::Relaxed));
            progress(done.fetch_add(new, Ordering::Relaxed) + new, rows);
        }
    };
    let (of_first, of_second) = (share(), share());
    thread::scope(|scope| {
        let first = scope.spawn(|| first(&of_first));
        let second = second(&of_second);
        (first.join().unwrap_or_else(|payload| panic::resume_unwind(payload)), second)
    })
}

/// Groups the record batches of a segment so that each group has about [`BATCH_ROWS`] rows.
fn parts(segment: &Segment) -> Vec<&[Batch]> {
    let mut parts = Vec::new();
    let mut rest = &segment.batches[..];
    while !rest.is_empty() {
        let mut sum = 0;
        let len = rest.iter().take_while(|batch| {
            let fits = sum == 0 || sum + batch.rows <= BATCH_ROWS;
            sum += batch.rows;
            fits
        });
        let (part, others) = rest.split_at(len.count());
        parts.push(part);
        rest = others;
    }
    parts
}

/// Returns the number of rows of the record batches that are read, as [`Trace::rows_of`] counts them.
fn rows(trace: &Trace, segment: &Segment, batches: &[Batch]) -> u64 {
    batches.iter().filter(|batch| trace.reads(&segment.table, batch)).map(|batch| batch.rows).sum()
}

/// Reads neighbouring record batches of a segment. Returns their intact rows, and the problems of the others. With
/// `columns`, only these columns are decoded.
pub(crate) fn read(
    trace: &Trace,
    segment: &Segment,
    batches: &[Batch],
    columns: Option<&[&str]>,
) -> Result<(DataFrame, Vec<Problem>), Error> {
    let (first, last) = (batches[0].batch, batches[batches.len() - 1].batch);
    let (stream, damage) = trace
        .read_segment(segment, |batch| (first..=last).contains(&batch.batch) && trace.reads(&segment.table, batch));
    let limited = trace.span != (0..=u64::MAX);
    let columns = columns.map(|names| {
        // The times are needed only to cut the rows down to a span of time.
        let time = (limited && !names.contains(&"time")).then_some("time");
        names.iter().copied().chain(time).map(str::to_owned).collect()
    });
    let batch = IpcStreamReader::new(Cursor::new(stream))
        .with_columns(columns)
        .finish()
        .map_err(Error::polars("the columns of a table"))?;
    Ok((if limited && batch.height() > 0 { within(&batch, &trace.span)? } else { batch }, damage))
}

/// Cuts a batch, whose rows are in time order, down to the rows of a span of time (ns).
fn within(batch: &DataFrame, span: &RangeInclusive<u64>) -> Result<DataFrame, Error> {
    let time = u64s(batch, "time")?;
    let (from, to) =
        (time.partition_point(|time| time < span.start()), time.partition_point(|time| time <= span.end()));
    Ok(batch.slice((from as u64).cast_signed(), to.saturating_sub(from)))
}
