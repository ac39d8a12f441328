//! The rows of one table that a query reads, one after the other.

use std::{ops::RangeInclusive, sync::Arc};

use super::{column::Value, decoded::Decoded, plan::Plan, source::Source};
use crate::Error;

/// The cursor over the rows that a plan asks for.
pub(super) struct Rows {
    source: Arc<Source>,
    wanted: Vec<usize>,
    span: RangeInclusive<u64>,
    /// The index of the next place to read.
    next: usize,
    decoded: Option<Arc<Decoded>>,
    /// The decoded rows that the plan asks for; `None` stands for all of them.
    chosen: Option<Vec<usize>>,
    at: usize,
}

/// The argument of a plan's condition.
pub(super) enum Argument {
    Integer(i64),
    Real(f64),
    /// A text or NULL, which leaves out no rows beforehand.
    Other,
}

impl Rows {
    /// Creates a cursor without a plan.
    pub fn new(source: Arc<Source>) -> Self {
        Self { source, wanted: Vec::new(), span: 0..=u64::MAX, next: 0, decoded: None, chosen: None, at: 0 }
    }

    /// Takes a plan and goes to its first row.
    pub fn start(&mut self, plan: &Plan, arguments: &[Argument]) -> Result<(), Error> {
        (self.decoded, self.chosen, self.at, self.next, self.span) = (None, None, 0, 0, 0..=u64::MAX);
        let source = Arc::clone(&self.source);
        if let Some(whole) = source.whole()? {
            if let (Some(column), Some(Argument::Integer(value))) = (plan.key, arguments.get(plan.bounds.len())) {
                self.chosen = whole.find(column, *value);
            }
            (self.decoded, self.next) = (Some(Arc::clone(&whole.decoded)), source.places.len());
            return Ok(());
        }
        self.wanted = (0..source.columns.len()).filter(|column| plan.uses(*column)).collect();
        if self.wanted.is_empty() {
            // A query such as count(*) looks at no column, so any one is read to know the number of rows.
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

    /// Reads the next batches until there is a row, or the table ends.
    fn fill(&mut self) -> Result<(), Error> {
        while self.is_over() {
            let Some(place) = self.source.places.get(self.next) else { return Ok(()) };
            self.next += 1;
            let batch = self.source.batch(place);
            if batch.first <= *self.span.end() && batch.last >= *self.span.start() {
                (self.decoded, self.at) = (self.source.read(place, &self.wanted)?.map(Arc::new), 0);
            }
        }
        Ok(())
    }

    /// Goes to the next row.
    pub fn advance(&mut self) -> Result<(), Error> {
        self.at += 1;
        if self.is_over() { self.fill() } else { Ok(()) }
    }

    /// Returns whether the cursor is behind the last row.
    pub fn is_over(&self) -> bool {
        let rows =
            self.chosen.as_ref().map_or_else(|| self.decoded.as_ref().map_or(0, |decoded| decoded.rows), Vec::len);
        self.at >= rows
    }

    fn row(&self) -> usize {
        self.chosen.as_ref().map_or(self.at, |chosen| chosen.get(self.at).copied().unwrap_or(usize::MAX))
    }

    /// Returns the value of a column in the current row.
    pub fn value(&self, column: usize) -> Value<'_> {
        self.decoded.as_ref().map_or(Value::Null, |decoded| decoded.value(column, self.row()))
    }

    /// Returns the number of the current row in its table.
    pub fn number(&self) -> i64 {
        self.decoded.as_ref().map_or(0, |decoded| decoded.first_row.saturating_add(self.row() as u64)).cast_signed()
    }
}
