//! The writer of one trace.

use trace::Writer;

use crate::names::NameBatch;

/// The writer of one trace, with the names that it could not write yet.
pub struct TraceWriter {
    pub writer: Writer,
    /// rows that a failed write has left over; they are written before anything else, because events without them say
    /// nothing
    pub(super) names: NameBatch,
}

impl TraceWriter {
    /// The writer of a trace that has no rows yet.
    pub fn new(writer: Writer) -> Self {
        Self { writer, names: NameBatch::default() }
    }
}
