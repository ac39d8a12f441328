//! The options of the flight recorder.

use std::time::Duration;

/// The options of the flight recorder: what to keep, and when to write it.
#[derive(Debug, Clone)]
pub struct FlightOptions {
    /// The length of the past to keep.
    pub keep: Duration,
    /// The greatest number of bytes of memory for the kept events, of which the oldest are dropped first.
    pub memory: usize,
    /// The triggers that make the recorder write, besides a signal.
    pub triggers: Triggers,
    /// The greatest number of traces to keep, of which the oldest is removed first.
    pub traces: usize,
}

/// The triggers that make the flight recorder write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Triggers {
    /// The least order of a failed allocation that fires the trigger; `None` switches the trigger off.
    pub failure: Option<u8>,
    /// Whether the trigger fires when the OOM killer chooses a process.
    pub oom: bool,
    /// The least time for which an allocation waits for compaction that fires the trigger; `None` switches the trigger
    /// off.
    pub compaction: Option<Duration>,
}
