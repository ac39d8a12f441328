//! What is asked for: moments, and the keys of fallbacks.

use trace::Trace;

use super::by::By;
use crate::decode::interval;

/// What is wanted of a trace besides what is always found.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// moments at which the free blocks are asked for, in ns of the clock and in order
    pub moments: Vec<u64>,
    /// where nothing tells what left `free_area`, make do with the pages allocated and freed
    pub estimate: bool,
    /// what fallbacks are grouped by
    pub by: Vec<By>,
}

impl Wanted {
    /// Returns what a summary needs: a hundred moments or so, and [`By::DEFAULT`].
    pub fn summary(trace: &Trace) -> Self {
        Self { moments: moments(trace, interval::of_trace(&trace.header)), estimate: false, by: By::DEFAULT.to_vec() }
    }
}

/// Returns the moments from the start of the trace to its end, `interval` ns apart.
pub fn moments(trace: &Trace, interval: u64) -> Vec<u64> {
    let clock = &trace.header.clock;
    (clock.start_ns..=clock.end_ns).step_by(interval.max(1) as usize).collect()
}
