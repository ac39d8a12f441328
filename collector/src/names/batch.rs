//! The rows that give numbers their meaning, collected for writing to a trace.

use trace::{Cache, Cgroup, Row, Stack, Symbol, Writer};

/// The rows of each table that a trace does not have yet.
#[derive(Debug, Default)]
pub struct NameBatch {
    pub symbols: Vec<Symbol>,
    pub stacks: Vec<Stack>,
    pub caches: Vec<Cache>,
    pub cgroups: Vec<Cgroup>,
}

impl NameBatch {
    /// Adds the rows of a later batch.
    pub fn extend(&mut self, later: Self) {
        self.symbols.extend(later.symbols);
        self.stacks.extend(later.stacks);
        self.caches.extend(later.caches);
        self.cgroups.extend(later.cgroups);
    }

    /// Writes the rows, and removes those that were written, so that a failed write can be repeated.
    ///
    /// # Errors
    /// The first error of the writer.
    pub fn write(&mut self, writer: &mut Writer) -> Result<(), trace::Error> {
        fn write<R: Row>(rows: &mut Vec<R>, writer: &mut Writer) -> Result<(), trace::Error> {
            let (result, unwritten) = match writer.append(rows) {
                Ok(()) => (Ok(()), 0),
                Err((error, unwritten)) => (Err(error), unwritten),
            };
            rows.drain(..rows.len() - unwritten);
            result
        }
        write(&mut self.symbols, writer)?;
        write(&mut self.stacks, writer)?;
        write(&mut self.caches, writer)?;
        write(&mut self.cgroups, writer)
    }
}
