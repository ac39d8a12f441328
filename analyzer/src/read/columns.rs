//! This module gives the columns of a polars data frame as slices.

use polars::prelude::{DataFrame, PolarsResult};

use crate::Error;

/// Puts every column into one chunk, as the accessors below need it. The result of a polars query may have several
/// chunks for each column.
pub(crate) fn contiguous(mut rows: DataFrame) -> DataFrame {
    rows.rechunk_mut();
    rows
}

macro_rules! slices {
    ($($name:ident: $type:ty, $accessor:ident;)*) => { $(
        /// Returns a column of this type, which must be one chunk without nulls.
        pub(crate) fn $name<'a>(rows: &'a DataFrame, column: &str) -> Result<&'a [$type], Error> {
            let slice = || -> PolarsResult<&'a [$type]> { rows.column(column)?.as_materialized_series().$accessor()?.cont_slice() };
            slice().map_err(Error::polars("a column of the trace"))
        }
    )* };
}

slices! {
    u8s: u8, u8;
    u16s: u16, u16;
    u32s: u32, u32;
    u64s: u64, u64;
    i16s: i16, i16;
    i64s: i64, i64;
}

/// Returns a column of `u32`, or `None` in traces of older formats, which do not have the column.
pub(crate) fn u32s_if_there<'a>(rows: &'a DataFrame, column: &str) -> Result<Option<&'a [u32]>, Error> {
    if rows.column(column).is_ok() { u32s(rows, column).map(Some) } else { Ok(None) }
}
