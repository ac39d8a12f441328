//! What a recording tells about itself: while it runs, and when it has ended.

use std::time::Duration;

/// What is told while a recording runs.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// time since the start
    pub elapsed: Duration,
    /// events taken out of the rings
    pub events: u64,
    /// bytes written
    pub bytes: u64,
}

/// How a recording went.
#[derive(Debug, Clone)]
pub struct Summary {
    /// what ended it, in words
    pub stopped: String,
    /// time from the first to the last look into the rings
    pub elapsed: Duration,
    /// events in the trace
    pub written: u64,
    /// events that the programs saw
    pub seen: u64,
    /// events lost, because a ring or the disk was full
    pub dropped: u64,
    /// events left out on purpose: the collector's own, those that no filter passes, and those that the flight recorder
    /// did not need
    pub filtered: u64,
    /// times the kernel did not run a program
    pub missed: u64,
    /// bytes of the trace, or of all traces
    pub bytes: u64,
    /// how many traces were written: 1, but for a flight recorder
    pub traces: u32,
    /// what broke the recording off, if something did: the trace up to there is whole
    pub failure: Option<String>,
}
