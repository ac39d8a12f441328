//! The writer of one trace, with the names that wait to be written.

use trace::Writer;

use crate::names::NameBatch;

/// The writer of one trace, with the names that could not be written yet.
pub struct TraceWriter {
    pub writer: Writer,
    /// The rows that a failed write has left over. They are written before anything else, because the events refer to
    /// them.
    pub(super) names: NameBatch,
}

impl TraceWriter {
    /// Returns the writer of a trace that has no rows yet.
    pub fn new(writer: Writer) -> Self {
        Self { writer, names: NameBatch::default() }
    }
}
