//! What the flight recorder keeps, and what makes it write.

use std::time::Duration;

/// What to keep, and when to write it.
#[derive(Debug, Clone)]
pub struct FlightOptions {
    /// how much of the past to keep
    pub keep: Duration,
    /// most bytes of memory for it; the oldest events go first
    pub memory: usize,
    /// what makes the recorder write; a signal does, too
    pub triggers: Triggers,
    /// most traces to keep; the oldest is removed first
    pub traces: usize,
}

/// What makes the flight recorder write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Triggers {
    /// an allocation of at least this order failed
    pub failure: Option<u8>,
    /// the OOM killer chose a process
    pub oom: bool,
    /// a compaction that an allocation waits for took at least this long
    pub compaction: Option<Duration>,
}
