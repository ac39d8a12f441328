//! What the numbers in events stand for. A row that says so reaches the trace before the first event that uses the number.

mod caches;
mod cgroups;
mod stacks;
mod symbols;
mod tasks;

use trace::{Row, Writer};

pub use self::{caches::Caches, cgroups::CgroupNames, stacks::Stacks, symbols::Symbols, tasks::Tasks};

/// Rows that only grow, and how many of them the trace that is being written has.
#[derive(Debug)]
pub struct Told<R> {
    rows: Vec<R>,
    written: usize,
}

impl<R> Default for Told<R> {
    fn default() -> Self {
        Self { rows: Vec::new(), written: 0 }
    }
}

impl<R: Row> Told<R> {
    fn push(&mut self, row: R) {
        self.rows.push(row);
    }

    /// Writes the rows that are not in the trace yet. What cannot be written is tried again the next time.
    ///
    /// # Errors
    /// The writer's.
    pub fn write(&mut self, writer: &mut Writer) -> Result<(), trace::Error> {
        let (result, unwritten) = match writer.append(&self.rows[self.written..]) {
            Ok(()) => (Ok(()), 0),
            Err((error, unwritten)) => (Err(error), unwritten),
        };
        self.written = self.rows.len() - unwritten;
        result
    }

    /// A new trace begins, which has none of them.
    pub fn begin_again(&mut self) {
        self.written = 0;
    }
}
