//! The rows that give numbers their meaning, and the number of those that are already in the current trace.

use trace::Row;

/// The rows in the order in which their numbers were given. They are kept for the whole recording, because the flight
/// recorder writes several traces, and each of them needs the rows.
#[derive(Debug)]
pub struct NameRows<R> {
    rows: Vec<R>,
    /// The number of rows, from the first on, that the current trace has.
    written: usize,
}

impl<R> Default for NameRows<R> {
    fn default() -> Self {
        Self { rows: Vec::new(), written: 0 }
    }
}

impl<R: Row + Clone> NameRows<R> {
    /// Returns the number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Returns the row at an index, counted from the first row that was pushed.
    pub fn get(&self, index: usize) -> Option<&R> {
        self.rows.get(index)
    }

    /// Adds a row.
    pub fn push(&mut self, row: R) {
        self.rows.push(row);
    }

    /// Returns copies of the rows that the current trace does not have yet. They count as written to it from then on.
    pub fn take_unwritten(&mut self) -> Vec<R> {
        let unwritten = self.rows[self.written..].to_vec();
        self.written = self.rows.len();
        unwritten
    }

    /// Starts a new trace, which has none of the rows.
    pub fn start_trace(&mut self) {
        self.written = 0;
    }
}
