//! The result of a replay as data.

use reference::NR_ORDERS;

use super::{gap::Gaps, score::Score};

/// The free blocks of one zone by order, at the start and at the last snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneRow {
    /// The name of the zone, with its node if there are several nodes.
    pub name: String,
    /// The machine's free blocks at the start of the replay.
    pub initial: [u64; NR_ORDERS],
    /// The machine's free blocks at the last snapshot.
    pub machine: [u64; NR_ORDERS],
    /// The model's free blocks at the time of the last snapshot.
    pub model: [u64; NR_ORDERS],
}

/// The free blocks of every zone at one snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// The time of the snapshot, in ns of the trace's clock.
    pub time: u64,
    /// The machine's free blocks, by zone and order.
    pub machine: Vec<[u64; NR_ORDERS]>,
    /// The model's free blocks, by zone and order.
    pub model: Vec<[u64; NR_ORDERS]>,
}

/// The result of a replay.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The name of the generation of kernels whose rules the model followed.
    pub generation: &'static str,
    /// The release of the traced kernel.
    pub kernel: String,
    /// The page events replayed.
    pub events: u64,
    /// The allocations among the events, failed ones included.
    pub allocs: u64,
    /// The frees among the events.
    pub frees: u64,
    /// The allocations that failed on the machine.
    pub machine_failures: u64,
    /// The allocations that the machine served and the model could not.
    pub model_failures: u64,
    /// The fallbacks to another migratetype in the model.
    pub model_fallbacks: u64,
    /// The fallbacks to another migratetype on the machine; `None` if the trace has no events of that family.
    pub machine_fallbacks: Option<u64>,
    /// The frees of memory older than the trace for which the model held no block.
    pub orphans_dropped: u64,
    /// The free pages of the first snapshot that found no place in the model.
    pub unplaced_pages: u64,
    /// In frames mode, the allocations whose frames were free in the model.
    pub legal: u64,
    /// In frames mode, the allocations whose frames were not free in the model.
    pub illegal: u64,
    /// The page events that the collector did not record, because they were lost or filtered.
    pub missing_events: u64,
    /// The number of snapshots that the model was compared with.
    pub snapshots: u32,
    /// The duration of the replay, in seconds.
    pub elapsed_s: f64,
    /// The distance of the model from the machine.
    pub score: Score,
    /// The distance of a null model, which always takes the highest allowed zone and whose free blocks never change.
    pub null_model: Score,
    /// The events that did not fit, by class.
    pub gaps: Gaps,
    /// The free blocks of each zone at the start and at the last snapshot.
    pub zones: Vec<ZoneRow>,
    /// The free blocks at the first snapshot, where the model starts, and at every snapshot compared with.
    pub moments: Vec<Moment>,
}
