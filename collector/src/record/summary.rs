//! The progress of a running recording, and the summary of one that has ended.

use std::time::Duration;

/// The progress of a running recording.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// The time since the start.
    pub elapsed: Duration,
    /// The number of events taken out of the rings.
    pub events: u64,
    /// The number of bytes written.
    pub bytes: u64,
}

/// The summary of a recording that has ended.
#[derive(Debug, Clone)]
pub struct Summary {
    /// The reason why the recording ended, in words.
    pub stopped: String,
    /// The time from the start of recording to the detaching of the programs.
    pub elapsed: Duration,
    /// The number of events in the trace.
    pub written: u64,
    /// The number of events for which the programs ran.
    pub seen: u64,
    /// The number of events that were lost because a ring or the disk was full.
    pub dropped: u64,
    /// The number of events that were left out on purpose: the collector's own, those that did not pass the filter, and
    /// those that the flight recorder did not need.
    pub filtered: u64,
    /// The number of times that the kernel did not run a program.
    pub missed: u64,
    /// The size of the trace, or of all traces, in bytes.
    pub bytes: u64,
    /// The number of traces that were written, which is 1 unless a flight recorder ran.
    pub traces: u32,
    /// The error that ended the recording early, if there was one. The trace is complete up to that moment.
    pub failure: Option<String>,
}
