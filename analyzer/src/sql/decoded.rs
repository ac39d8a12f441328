//! Decoded rows of a table in memory, and the index by which a small table is searched.

use std::sync::{Arc, OnceLock};

use polars::prelude::DataFrame;

use super::column::{Column, Value};
use crate::{Error, fast_hash::NumberMap};

/// Some decoded rows of a table.
#[derive(Default)]
pub(super) struct Decoded {
    /// By the table's columns: the decoded column, or `None` if the query does not look at it.
    columns: Vec<Option<Column>>,
    pub rows: usize,
    /// The number of the first of these rows in the table.
    pub first_row: u64,
}

impl Decoded {
    /// Decodes a batch whose first row has the number `first_row` in the table. `wanted` are the places of the batch's
    /// columns among the `all` columns of the table.
    pub fn new(batch: &DataFrame, wanted: &[usize], all: usize, first_row: u64) -> Result<Self, Error> {
        let mut columns: Vec<Option<Column>> = (0..all).map(|_| None).collect();
        for (column, place) in batch.columns().iter().zip(wanted) {
            columns[*place] =
                Some(Column::new(column.as_materialized_series()).map_err(Error::polars("a column of the trace"))?);
        }
        Ok(Self { columns, rows: batch.height(), first_row })
    }

    /// Returns the value of a column in a row, or NULL if there is none.
    pub fn value(&self, column: usize, row: usize) -> Value<'_> {
        let column = self.columns.get(column).and_then(Option::as_ref);
        column.map_or(Value::Null, |column| column.value(row))
    }

    /// Adds rows of the same table.
    pub fn append(&mut self, more: Self) {
        self.rows += more.rows;
        if self.columns.is_empty() {
            self.columns = more.columns;
            return;
        }
        for (column, more) in self.columns.iter_mut().zip(more.columns) {
            if let (Some(column), Some(more)) = (column, more) {
                column.append(more);
            }
        }
    }
}

/// The rows of a table, by their value in one column.
type Index = NumberMap<i64, Vec<usize>>;

/// All rows of a small table.
pub(super) struct Whole {
    pub decoded: Arc<Decoded>,
    /// By column: the index, which is built when a query first needs it.
    indices: Vec<OnceLock<Index>>,
}

impl Whole {
    /// Creates a table without indices.
    pub fn new(decoded: Decoded) -> Self {
        let indices = decoded.columns.iter().map(|_| OnceLock::new()).collect();
        Self { decoded: Arc::new(decoded), indices }
    }

    /// Returns the rows in which a column of integers has a value, or `None` if the column has another type.
    pub fn find(&self, column: usize, value: i64) -> Option<Vec<usize>> {
        let Some(Some(Column::Integers(numbers))) = self.decoded.columns.get(column) else { return None };
        let index = self.indices.get(column)?.get_or_init(|| {
            let mut index = Index::default();
            for (row, number) in numbers.iter().enumerate().filter_map(|(row, number)| Some((row, (*number)?))) {
                index.entry(number).or_default().push(row);
            }
            index
        });
        Some(index.get(&value).cloned().unwrap_or_default())
    }
}
