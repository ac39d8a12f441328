//! The destination of a recording's events.

use super::{flight::FlightRecorder, writer_thread::WriterThread};

/// The destination of the events. Before the privileges are dropped, `Trace` is a writer without its thread.
pub(super) enum Output<Trace = WriterThread> {
    /// The events are written to one trace as they come.
    Trace(Trace),
    /// The events are kept in memory, and written to a new trace each time a trigger fires.
    Flight(Box<FlightRecorder>),
}

impl Output {
    /// Returns the number of bytes written so far to all traces.
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Trace(thread) => thread.bytes(),
            Self::Flight(recorder) => recorder.bytes(),
        }
    }
}
