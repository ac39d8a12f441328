//! Rows of a table in memory, and how they are searched.

use std::sync::{Arc, OnceLock};

use polars::prelude::DataFrame;

use super::column::{Column, Value};
use crate::{Error, fast_hash::NumberMap};

/// Some rows of a table, decoded.
#[derive(Default)]
pub(super) struct Decoded {
    /// by the table's columns; those that nobody looks at are not there
    columns: Vec<Option<Column>>,
    pub rows: usize,
    /// number of the first row in the table
    pub first_row: u64,
}

impl Decoded {
    /// Decodes a batch: `wanted` are the places of its columns among `all` of the table.
    pub fn new(batch: &DataFrame, wanted: &[usize], all: usize, first_row: u64) -> Result<Self, Error> {
        let mut columns: Vec<Option<Column>> = (0..all).map(|_| None).collect();
        for (column, place) in batch.columns().iter().zip(wanted) {
            columns[*place] =
                Some(Column::new(column.as_materialized_series()).map_err(Error::polars("a column of the trace"))?);
        }
        Ok(Self { columns, rows: batch.height(), first_row })
    }

    /// Returns a value of a row; NULL where there is none.
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

/// The rows of a column by their value.
type Index = NumberMap<i64, Vec<usize>>;

/// All rows of a small table.
pub(super) struct Whole {
    pub decoded: Arc<Decoded>,
    /// by column, once one is needed
    indices: Vec<OnceLock<Index>>,
}

impl Whole {
    /// Keeps a table, without an index yet.
    pub fn new(decoded: Decoded) -> Self {
        let indices = decoded.columns.iter().map(|_| OnceLock::new()).collect();
        Self { decoded: Arc::new(decoded), indices }
    }

    /// Returns the rows in which a column of numbers has a value; `None` if it is no such column.
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
