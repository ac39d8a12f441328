//! The result of a replay, as data.

use reference::NR_ORDERS;

use super::{gap::Gaps, score::Score};

/// Free blocks of one zone at the last snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneRow {
    /// Zone name, with its node if there are several.
    pub name: String,
    /// The machine at the start of the replay.
    pub initial: [u64; NR_ORDERS],
    /// The machine at the last snapshot.
    pub machine: [u64; NR_ORDERS],
    /// The model at that moment.
    pub model: [u64; NR_ORDERS],
}

/// Free blocks of every zone at one snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// When, in ns of the trace's clock.
    pub time: u64,
    /// The machine, by zone and order.
    pub machine: Vec<[u64; NR_ORDERS]>,
    /// The model, by zone and order.
    pub model: Vec<[u64; NR_ORDERS]>,
}

/// What a replay found.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Name of the generation of kernels whose rules the model followed.
    pub generation: &'static str,
    /// The traced kernel.
    pub kernel: String,
    /// Page events replayed.
    pub events: u64,
    /// Allocations among them, failed ones included.
    pub allocs: u64,
    /// Frees among them.
    pub frees: u64,
    /// Allocations that failed on the machine.
    pub machine_failures: u64,
    /// Allocations that the machine served and the model could not.
    pub model_failures: u64,
    /// Fallbacks to another migratetype in the model.
    pub model_fallbacks: u64,
    /// Fallbacks to another migratetype on the machine; `None` if the trace has no events of that family.
    pub machine_fallbacks: Option<u64>,
    /// Frees of memory older than the trace for which the model held no block.
    pub orphans_dropped: u64,
    /// Free pages of the first snapshot that found no place in the model.
    pub unplaced_pages: u64,
    /// Frames mode: allocations whose frames were free in the model.
    pub legal: u64,
    /// Frames mode: allocations of frames that the model did not have free.
    pub illegal: u64,
    /// Page events the collector did not get: lost or filtered.
    pub missing_events: u64,
    /// Snapshots compared with.
    pub snapshots: u32,
    /// Duration of the replay, in seconds.
    pub elapsed_s: f64,
    /// The model against the machine.
    pub score: Score,
    /// A model that always takes the highest allowed zone and whose free blocks never change.
    pub null_model: Score,
    /// Events that did not fit, by class.
    pub gaps: Gaps,
    /// Free blocks at the last snapshot.
    pub zones: Vec<ZoneRow>,
    /// Free blocks at the first snapshot, where the model starts, and at every one compared with.
    pub moments: Vec<Moment>,
}
