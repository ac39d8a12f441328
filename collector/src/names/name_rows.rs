//! The rows that say what numbers mean, and which of them the trace that is being written has.

use trace::Row;

/// Rows in the order in which their numbers were given. They are kept for the whole recording, because the flight
/// recorder writes several traces and each needs them.
#[derive(Debug)]
pub struct NameRows<R> {
    rows: Vec<R>,
    /// how many of the first rows the current trace has
    written: usize,
}

impl<R> Default for NameRows<R> {
    fn default() -> Self {
        Self { rows: Vec::new(), written: 0 }
    }
}

impl<R: Row + Clone> NameRows<R> {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// The row at an index, counted from the first one that was ever pushed.
    pub fn get(&self, index: usize) -> Option<&R> {
        self.rows.get(index)
    }

    /// Adds a row.
    pub fn push(&mut self, row: R) {
        self.rows.push(row);
    }

    /// Copies of the rows that the current trace does not have yet; from now on they count as written to it.
    pub fn take_unwritten(&mut self) -> Vec<R> {
        let unwritten = self.rows[self.written..].to_vec();
        self.written = self.rows.len();
        unwritten
    }

    /// A new trace begins, which has none of the rows.
    pub fn start_trace(&mut self) {
        self.written = 0;
    }
}
