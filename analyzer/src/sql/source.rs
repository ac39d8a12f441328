//! The source of a virtual table: a table of the trace, which is read batch by batch. Only the columns that a query
//! looks at are decoded, and only the batches that can hold the times it asks for. A small table is decoded once as a
//! whole and searched by an index, so that joins with it are fast.

use std::{
    collections::BTreeSet,
    io::Cursor,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use polars::prelude::{IpcStreamReader, PlSmallStr, SerReader};
use trace::{Batch, Problem, Segment, Trace};

use super::{
    column::sql_type,
    decoded::{Decoded, Whole},
};
use crate::{Error, read::batches};

/// The greatest number of rows of a table that is kept once it is decoded, which is the size of a batch.
const SMALL: u64 = 1 << 16;

/// The problems and tables that queries have met so far.
#[derive(Default)]
pub(super) struct Met {
    /// The problems of batches that cannot be read.
    pub problems: Vec<Problem>,
    /// The names of the tables that queries named.
    pub tables: BTreeSet<String>,
}

/// Takes the lock. A lock that is poisoned by a panic is taken too, since its content stays valid.
pub(super) fn locked(met: &Mutex<Met>) -> MutexGuard<'_, Met> {
    met.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The description of a column from the trace's own schema.
#[derive(Debug, Clone)]
pub(super) struct Description {
    pub name: String,
    /// The name of `SQLite`'s type: INTEGER, REAL or TEXT.
    pub sql_type: &'static str,
    /// The column's meaning.
    pub doc: String,
}

/// The place of a record batch in the trace, and the number of the batch's first row in the table.
pub(super) struct Place {
    segment: usize,
    batch: usize,
    first_row: u64,
}

/// One table of the trace.
pub(super) struct Source {
    trace: Arc<Trace>,
    pub table: String,
    pub doc: String,
    pub columns: Vec<Description>,
    pub rows: u64,
    pub places: Vec<Place>,
    whole: OnceLock<Whole>,
    met: Arc<Mutex<Met>>,
}

impl Source {
    /// Creates the source of a table. Returns `None` if no segment of the table has a schema that can be read.
    pub fn new(trace: &Arc<Trace>, table: &str, met: &Arc<Mutex<Met>>) -> Option<Self> {
        let (doc, columns) = trace.table(table).find_map(|segment| schema(trace, segment))?;
        let (mut places, mut rows) = (Vec::new(), 0_u64);
        for (segment, place) in trace.segments.iter().enumerate().filter(|(_, segment)| segment.table == table) {
            for (batch, entry) in place.batches.iter().enumerate() {
                places.push(Place { segment, batch, first_row: rows });
                rows = rows.saturating_add(entry.rows);
            }
        }
        let (trace, met) = (Arc::clone(trace), Arc::clone(met));
        Some(Self { trace, table: table.to_owned(), doc, columns, rows, places, whole: OnceLock::new(), met })
    }

    /// Returns the index of the column `time`, if there is one. The manifest has the first and the last time of each
    /// batch, so conditions on this column leave out batches.
    pub fn time(&self) -> Option<usize> {
        self.columns.iter().position(|column| column.name == "time")
    }

    /// Returns whether the table is kept as a whole, so that it can be searched by an index.
    pub fn is_small(&self) -> bool {
        self.rows <= SMALL
    }

    /// Notes that a query has named this table.
    pub fn meet(&self) {
        locked(&self.met).tables.insert(self.table.clone());
    }

    /// Reads the wanted columns of the batch at a place. Returns `None` if no row of the batch can be read.
    pub fn read(&self, place: &Place, wanted: &[usize]) -> Result<Option<Decoded>, Error> {
        let segment = &self.trace.segments[place.segment];
        let names: Vec<&str> = wanted.iter().map(|column| self.columns[*column].name.as_str()).collect();
        let (batch, problems) =
            batches::read(&self.trace, segment, &segment.batches[place.batch..=place.batch], Some(&names))?;
        if !problems.is_empty() {
            let known = &mut locked(&self.met).problems;
            // A join reads a table many times and meets its problems each time.
            known.extend(problems.into_iter().filter(|problem| !known.contains(problem)).collect::<Vec<_>>());
        }
        if batch.height() == 0 {
            return Ok(None);
        }
        Decoded::new(&batch, wanted, self.columns.len(), place.first_row).map(Some)
    }

    /// Returns the whole table if it is small, or else `None`.
    pub fn whole(&self) -> Result<Option<&Whole>, Error> {
        if self.rows > SMALL || self.whole.get().is_some() {
            return Ok(self.whole.get());
        }
        let all: Vec<usize> = (0..self.columns.len()).collect();
        let mut decoded = Decoded::default();
        for place in &self.places {
            if let Some(more) = self.read(place, &all)? {
                decoded.append(more);
            }
        }
        Ok(Some(self.whole.get_or_init(|| Whole::new(decoded))))
    }

    /// Returns the manifest's entry of a batch.
    pub fn batch(&self, place: &Place) -> &Batch {
        &self.trace.segments[place.segment].batches[place.batch]
    }
}

/// Reads the meaning of a table and the descriptions of its columns from a segment's schema.
fn schema(trace: &Trace, segment: &Segment) -> Option<(String, Vec<Description>)> {
    let (stream, _problems) = trace.read_segment(segment, |_| false);
    let mut reader = IpcStreamReader::new(Cursor::new(stream));
    let (types, fields, about) = (reader.schema().ok()?, reader.arrow_schema().ok()?, reader.custom_metadata().ok()?);
    let text = |doc: Option<&PlSmallStr>| doc.map_or_else(String::new, |doc| doc.trim().to_owned());
    let columns = types.iter().zip(fields.iter_values()).map(|((name, dtype), field)| Description {
        name: name.to_string(),
        sql_type: sql_type(dtype),
        doc: text(field.metadata.as_ref().and_then(|metadata| metadata.get("doc"))),
    });
    let columns = columns.collect();
    Some((text(about.as_ref().and_then(|about| about.get("doc"))), columns))
}
