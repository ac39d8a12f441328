//! A table of the trace as polars frames, a bounded number of rows at a time.

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

use crate::{Error, columns::u64s};

/// So many rows make a frame, if its batches are not larger: enough to be worth handing on, and few enough to stay in a
/// processor's cache.
const FRAME_ROWS: u64 = 1 << 16;
/// So many frames are read ahead while one is worked on.
const READ_AHEAD: usize = 2;

/// Told how many rows of how many have been read, so that a progress bar can be drawn.
pub type Progress<'a> = &'a (dyn Fn(u64, u64) + Sync);

/// Ignores progress.
pub fn silent(_done: u64, _of: u64) {}

/// Gives `each` the intact rows of a table that are in the trace's span of time, in time order, as frames of some ten
/// thousand rows. With `columns`, only those are decoded. The next frames are read and decompressed on a second thread
/// meanwhile.
///
/// # Errors
/// What `each` returns, or polars' error if a column is missing. Damaged batches are no error: they are the problems
/// returned.
pub fn for_each(
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
        let (sender, frames) = mpsc::sync_channel(READ_AHEAD);
        scope.spawn(move || {
            for (segment, batches) in parts {
                // Nobody receives any more: `each` has failed.
                if sender.send((read(trace, segment, batches, columns), rows(trace, segment, batches))).is_err() {
                    break;
                }
            }
        });
        for (part, rows) in frames {
            let (frame, mut damage) = part?;
            problems.append(&mut damage);
            done += rows;
            if frame.height() > 0 {
                each(frame)?;
            }
            progress(done, total);
        }
        // One damaged schema is met by every read of its segment.
        problems.dedup();
        Ok(problems)
    })
}

/// Does both at the same time, since tables do not depend on one another: each on a thread, with a share in the one
/// progress over so many rows.
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

/// The batches of a segment in groups of about [`FRAME_ROWS`].
fn parts(segment: &Segment) -> Vec<&[Batch]> {
    let mut parts = Vec::new();
    let mut rest = &segment.batches[..];
    while !rest.is_empty() {
        let mut sum = 0;
        let len = rest.iter().take_while(|batch| {
            let fits = sum == 0 || sum + batch.rows <= FRAME_ROWS;
            sum += batch.rows;
            fits
        });
        let (part, others) = rest.split_at(len.count());
        parts.push(part);
        rest = others;
    }
    parts
}

/// How many rows of the batches are read, as [`Trace::rows_of`] counts them.
fn rows(trace: &Trace, segment: &Segment, batches: &[Batch]) -> u64 {
    batches.iter().filter(|batch| trace.reads(&segment.table, batch)).map(|batch| batch.rows).sum()
}

/// The intact rows of neighbouring batches of a segment, and what is wrong with the others. With `columns`, only those
/// are decoded.
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
        // Without a span of time, no times need be read.
        let time = (limited && !names.contains(&"time")).then_some("time");
        names.iter().copied().chain(time).map(str::to_owned).collect()
    });
    let frame = IpcStreamReader::new(Cursor::new(stream))
        .with_columns(columns)
        .finish()
        .map_err(Error::polars("the columns of a table"))?;
    Ok((if limited && frame.height() > 0 { within(&frame, &trace.span)? } else { frame }, damage))
}

/// The rows of a span of time: they are in time order.
fn within(frame: &DataFrame, span: &RangeInclusive<u64>) -> Result<DataFrame, Error> {
    let time = u64s(frame, "time")?;
    let (from, to) =
        (time.partition_point(|time| time < span.start()), time.partition_point(|time| time <= span.end()));
    Ok(frame.slice((from as u64).cast_signed(), to.saturating_sub(from)))
}
