//! What the numbers in events stand for. A row that says so reaches the trace before the first event that uses the
//! number.

mod caches;
mod cgroups;
mod stacks;
mod symbols;
mod tasks;

use trace::Row;

pub use self::{caches::Caches, cgroups::CgroupNames, stacks::Stacks, symbols::Symbols, tasks::Tasks};

/// Rows that only grow, and how many of them were given to the trace that is being written.
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

impl<R: Row + Clone> Told<R> {
    fn push(&mut self, row: R) {
        self.rows.push(row);
    }

    /// The rows that the trace shall have and was not given yet.
    pub fn news(&mut self) -> Vec<R> {
        let news = self.rows[self.written..].to_vec();
        self.written = self.rows.len();
        news
    }

    /// A new trace begins, which has none of them.
    pub fn begin_again(&mut self) {
        self.written = 0;
    }
}
