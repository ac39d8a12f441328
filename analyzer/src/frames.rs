//! A table of the trace as polars frames, a bounded number of rows at a time.

use std::io::Cursor;

use polars::prelude::{DataFrame, IpcStreamReader, SerReader};
use trace::{Problem, Trace};

use crate::Error;

/// So many rows are in memory at once: enough to keep polars busy, little enough for any machine.
const FRAME_ROWS: u64 = 1 << 20;

/// Told how many rows of how many have been read, so that a progress bar can be drawn.
pub type Progress<'a> = &'a dyn Fn(u64, u64);

/// Ignores progress.
pub fn silent(_done: u64, _of: u64) {}

/// Gives `each` the intact rows of a table, in time order, as frames of about a million rows. With `columns`, only those are decoded.
///
/// # Errors
/// What `each` returns, or polars' error if a column is missing. Damaged batches are no error: they are the problems returned.
pub fn for_each(
    trace: &Trace,
    table: &str,
    columns: Option<&[&str]>,
    progress: Progress<'_>,
    mut each: impl FnMut(DataFrame) -> Result<(), Error>,
) -> Result<Vec<Problem>, Error> {
    let (total, mut done, mut problems) = (trace.rows_of(table), 0, Vec::new());
    for segment in trace.table(table) {
        let mut start = 0;
        while start < segment.batches.len() {
            let mut rows = 0;
            let len = segment.batches[start..].iter().take_while(|batch| {
                let fits = rows == 0 || rows + batch.rows <= FRAME_ROWS;
                rows += batch.rows;
                fits
            });
            let chosen = &segment.batches[start..start + len.count()];
            start += chosen.len();
            let (stream, mut damage) = trace.read_segment(segment, |batch| chosen.iter().any(|one| one.batch == batch.batch));
            problems.append(&mut damage);
            let reader = IpcStreamReader::new(Cursor::new(stream));
            let reader = reader.with_columns(columns.map(|names| names.iter().map(|&name| name.to_owned()).collect()));
            let frame = reader.finish().map_err(Error::polars("the columns of a table"))?;
            done += chosen.iter().map(|batch| batch.rows).sum::<u64>();
            if frame.height() > 0 {
                each(frame)?;
            }
            progress(done, total);
        }
    }
    // One damaged schema is met by every read of its segment.
    problems.dedup();
    Ok(problems)
}
