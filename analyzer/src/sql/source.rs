//! A table of the trace as it is read for SQLite: batch by batch, only the columns that a query looks at, only the batches that can hold what it
//! asks for. Small tables are decoded once and searched by an index, so that they can be joined.

use std::{
    collections::BTreeSet,
    io::Cursor,
    ops::RangeInclusive,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use polars::prelude::{DataFrame, IpcStreamReader, PlSmallStr, SerReader};
use trace::{Problem, Trace};

use super::{
    column::{Column, Value, sql_type},
    plan::Plan,
};
use crate::{Error, fast_hash::NumberMap, frames};

/// Tables of at most so many rows are kept once they are decoded: as many as a batch has.
const SMALL: u64 = 1 << 16;

/// What is found out while queries run.
#[derive(Default)]
pub(super) struct Met {
    /// batches that cannot be read
    pub problems: Vec<Problem>,
    /// the tables that were asked for
    pub tables: BTreeSet<String>,
}

/// A column as the trace's own schema describes it.
#[derive(Debug, Clone)]
pub(super) struct Description {
    pub name: String,
    /// INTEGER, REAL or TEXT
    pub sql_type: &'static str,
    /// what it means
    pub doc: String,
}

/// Where a batch is, and the number of its first row in the table.
struct Place {
    segment: usize,
    batch: usize,
    first_row: u64,
}

/// See the module.
pub(super) struct Source {
    trace: Arc<Trace>,
    pub table: String,
    pub doc: String,
    pub columns: Vec<Description>,
    pub rows: u64,
    places: Vec<Place>,
    whole: OnceLock<Whole>,
    met: Arc<Mutex<Met>>,
}

impl Source {
    /// `None` if no segment of the table has a schema that can be read.
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

    /// Where the column `time` is; the manifest knows from when to when each batch is.
    pub fn time(&self) -> Option<usize> {
        self.columns.iter().position(|column| column.name == "time")
    }

    /// Whether it is kept whole, so that it can be searched.
    pub fn is_small(&self) -> bool {
        self.rows <= SMALL
    }

    /// Notes that a query names this table.
    pub fn meet(&self) {
        self.met.lock().unwrap_or_else(PoisonError::into_inner).tables.insert(self.table.clone());
    }

    /// The batch at a place; `None` if it is damaged.
    fn read(&self, place: &Place, wanted: &[usize]) -> Result<Option<Frame>, Error> {
        let segment = &self.trace.segments[place.segment];
        let names: Vec<&str> = wanted.iter().map(|column| self.columns[*column].name.as_str()).collect();
        let (frame, problems) = frames::read(&self.trace, segment, &segment.batches[place.batch..=place.batch], Some(&names))?;
        let damaged = !problems.is_empty();
        if damaged {
            let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
            for problem in problems {
                if !met.problems.contains(&problem) {
                    met.problems.push(problem);
                }
            }
        }
        if frame.height() == 0 {
            return Ok(None);
        }
        Frame::new(&frame, wanted, self.columns.len(), place.first_row).map(Some)
    }

    fn whole(&self) -> Result<&Whole, Error> {
        if let Some(whole) = self.whole.get() {
            return Ok(whole);
        }
        let all: Vec<usize> = (0..self.columns.len()).collect();
        let mut frame = Frame { columns: Vec::new(), rows: 0, first_row: 0 };
        for place in &self.places {
            if let Some(more) = self.read(place, &all)? {
                frame.append(more);
            }
        }
        let indices = all.iter().map(|_| OnceLock::new()).collect();
        Ok(self.whole.get_or_init(|| Whole { frame: Arc::new(frame), indices }))
    }
}

/// Meaning of a table, and its columns.
fn schema(trace: &Trace, segment: &trace::Segment) -> Option<(String, Vec<Description>)> {
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

/// Some rows of a table.
struct Frame {
    /// by the table's columns; those that nobody looks at are not there
    columns: Vec<Option<Column>>,
    rows: usize,
    /// number of the first row in the table
    first_row: u64,
}

impl Frame {
    fn new(frame: &DataFrame, wanted: &[usize], all: usize, first_row: u64) -> Result<Self, Error> {
        let mut columns: Vec<Option<Column>> = (0..all).map(|_| None).collect();
        for (column, place) in frame.columns().iter().zip(wanted) {
            columns[*place] = Some(Column::new(column.as_materialized_series()).map_err(Error::polars("a column of the trace"))?);
        }
        Ok(Self { columns, rows: frame.height(), first_row })
    }

    fn append(&mut self, more: Self) {
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

/// A small table.
struct Whole {
    frame: Arc<Frame>,
    /// by column, once one is needed
    indices: Vec<OnceLock<Index>>,
}

impl Whole {
    /// The rows in which a column of numbers has a value; `None` if it is no such column.
    fn find(&self, column: usize, value: i64) -> Option<Vec<usize>> {
        let Some(Some(Column::Integers(numbers))) = self.frame.columns.get(column) else { return None };
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

/// The rows that a plan asks for, one after the other.
pub(super) struct Rows {
    source: Arc<Source>,
    wanted: Vec<usize>,
    span: RangeInclusive<u64>,
    /// the next place to read
    next: usize,
    frame: Option<Arc<Frame>>,
    /// the rows of the frame that are asked for; all if `None`
    chosen: Option<Vec<usize>>,
    at: usize,
}

/// An argument of a plan.
pub(super) enum Argument {
    Integer(i64),
    Real(f64),
    /// texts, NULL: nothing that a time or a number can be compared with beforehand
    Other,
}

impl Rows {
    /// Before the first row.
    pub fn new(source: Arc<Source>) -> Self {
        Self { source, wanted: Vec::new(), span: 0..=u64::MAX, next: 0, frame: None, chosen: None, at: 0 }
    }

    /// Goes to the first row of a plan.
    pub fn start(&mut self, plan: &Plan, arguments: &[Argument]) -> Result<(), Error> {
        (self.frame, self.chosen, self.at, self.next, self.span) = (None, None, 0, 0, 0..=u64::MAX);
        if self.source.is_small() {
            let whole = self.source.whole()?;
            if let (Some(column), Some(Argument::Integer(value))) = (plan.key, arguments.get(plan.bounds.len())) {
                self.chosen = whole.find(column, *value);
            }
            (self.frame, self.next) = (Some(Arc::clone(&whole.frame)), self.source.places.len());
            return Ok(());
        }
        self.wanted = (0..self.source.columns.len()).filter(|column| plan.uses(*column)).collect();
        if self.wanted.is_empty() {
            // Rows are counted, if nothing else: any column has as many as there are.
            self.wanted.push(0);
        }
        for (bound, argument) in plan.bounds.iter().zip(arguments) {
            let bound_at = match argument {
                Argument::Integer(number) => *number as f64,
                Argument::Real(number) => *number,
                Argument::Other => continue,
            };
            self.span = bound.narrow(self.span.clone(), bound_at);
        }
        self.fill()
    }

    /// Reads on until there is a row, or the table ends.
    fn fill(&mut self) -> Result<(), Error> {
        while self.is_over() {
            let Some(place) = self.source.places.get(self.next) else { return Ok(()) };
            self.next += 1;
            let batch = &self.source.trace.segments[place.segment].batches[place.batch];
            if batch.first <= *self.span.end() && batch.last >= *self.span.start() {
                (self.frame, self.at) = (self.source.read(place, &self.wanted)?.map(Arc::new), 0);
            }
        }
        Ok(())
    }

    /// Goes to the next row.
    pub fn advance(&mut self) -> Result<(), Error> {
        self.at += 1;
        if self.is_over() { self.fill() } else { Ok(()) }
    }

    /// Whether there is no row any more.
    pub fn is_over(&self) -> bool {
        let rows = self.chosen.as_ref().map_or_else(|| self.frame.as_ref().map_or(0, |frame| frame.rows), Vec::len);
        self.at >= rows
    }

    fn row(&self) -> usize {
        self.chosen.as_ref().map_or(self.at, |chosen| chosen.get(self.at).copied().unwrap_or(usize::MAX))
    }

    /// A value of the row.
    pub fn value(&self, column: usize) -> Value<'_> {
        let column = self.frame.as_ref().and_then(|frame| frame.columns.get(column)?.as_ref());
        column.map_or(Value::Null, |column| column.value(self.row()))
    }

    /// The number of the row in its table.
    pub fn number(&self) -> i64 {
        self.frame.as_ref().map_or(0, |frame| frame.first_row.saturating_add(self.row() as u64)).cast_signed()
    }
}
