//! What both kinds of events look like once frees have been matched with their allocations: the frame that every statistic reads.

use polars::prelude::{Column, DataFrame, NamedFrom, Series};

use crate::Error;

/// What a row of a matched frame stands for. The numbers are the column `class`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Class {
    /// an allocation that succeeded
    Allocated = 0,
    /// an allocation that failed
    Failed = 1,
    /// a free whose allocation is in the trace: its row carries the properties of the *allocation*
    Freed = 2,
    /// a free of what was allocated before the trace, or by an event that the trace has not
    Unmatched = 3,
    /// no event: what was live was allocated again, or freed along with something else, so its own free was missed
    Implied = 4,
    /// `kfree(NULL)`
    Null = 5,
}

/// A property that an unmatched free has not: what it freed was allocated when nobody looked.
pub(crate) const UNKNOWN: i64 = -1;

/// One row of a matched frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    pub time: u64,
    pub kind: u8,
    pub class: Class,
    /// bytes allocated or freed by the event
    pub bytes: u64,
    /// bytes that were asked for
    pub requested: u64,
    /// by how many bytes the live set changed
    pub delta: i64,
    /// how long what is freed here had been live, ns
    pub age: u64,
    pub order: i64,
    pub migratetype: i64,
    pub zone: i64,
    pub gfp: i64,
    pub cpu: i64,
    pub pid: i64,
    pub process: i64,
    pub comm: i64,
    pub callsite: i64,
    pub cache: i64,
    pub node: i64,
}

impl Row {
    /// A free about whose allocation nothing is known.
    pub const UNMATCHED: Self = Self {
        time: 0,
        kind: 0,
        class: Class::Unmatched,
        bytes: 0,
        requested: 0,
        delta: 0,
        age: 0,
        order: UNKNOWN,
        migratetype: UNKNOWN,
        zone: UNKNOWN,
        gfp: UNKNOWN,
        cpu: UNKNOWN,
        pid: UNKNOWN,
        process: UNKNOWN,
        comm: UNKNOWN,
        callsite: UNKNOWN,
        cache: UNKNOWN,
        node: UNKNOWN,
    };
}

macro_rules! columns {
    ($($field:ident),*; $($cast:ident as $type:ty),*) => {
        /// Rows as columns, so that polars takes them without a copy.
        #[derive(Default)]
        pub(crate) struct Rows {
            class: Vec<u8>,
            delta: Vec<i64>,
            $($field: Vec<u64>,)*
            $($cast: Vec<$type>,)*
        }

        impl Rows {
            pub fn with_capacity(rows: usize) -> Self {
                Self {
                    class: Vec::with_capacity(rows),
                    delta: Vec::with_capacity(rows),
                    $($field: Vec::with_capacity(rows),)*
                    $($cast: Vec::with_capacity(rows),)*
                }
            }

            pub fn push(&mut self, row: &Row) {
                self.class.push(row.class as u8);
                self.delta.push(row.delta);
                $(self.$field.push(row.$field);)*
                $(self.$cast.push(row.$cast as $type);)*
            }

            pub fn into_frame(self) -> Result<DataFrame, Error> {
                DataFrame::new_infer_height(vec![
                    Column::from(Series::new("class".into(), self.class)),
                    Column::from(Series::new("delta".into(), self.delta)),
                    $(Column::from(Series::new(stringify!($field).into(), self.$field)),)*
                    $(Column::from(Series::new(stringify!($cast).into(), self.$cast)),)*
                ])
                .map_err(Error::polars("the matched events"))
            }
        }
    };
}

// Narrow columns: polars groups them faster. -1 fits into each beside every value that it can have.
columns! {
    time, bytes, requested, age;
    kind as u8, order as i16, migratetype as i16, zone as i16, gfp as i64, cpu as i32, pid as i64, process as i64, comm as i64,
    callsite as i64, cache as i32, node as i32
}
