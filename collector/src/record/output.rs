//! Where the events of a recording go.

use super::{flight::FlightRecorder, writer_thread::WriterThread};

/// Where the events go. Before the privileges are dropped, `Trace` is a writer without its thread.
pub(super) enum Output<Trace = WriterThread> {
    /// into one trace, as they come
    Trace(Trace),
    /// into memory, and from there into a trace of their own each time something happens
    Flight(Box<FlightRecorder>),
}

impl Output {
    /// Bytes written so far, in all traces.
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Trace(thread) => thread.bytes(),
            Self::Flight(recorder) => recorder.bytes(),
        }
    }
}
