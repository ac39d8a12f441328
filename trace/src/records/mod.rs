//! The records that the eBPF programs and user space share, byte for byte: without `std`, so that the programs are
//! compiled from the same definitions.
//!
//! | file | holds |
//! | --- | --- |
//! | [`kind`](Kind) | the numbers of the kinds of records, and the eBPF programs with their tracepoints |
//! | [`event`](PageEvent) | the records of events; those of a table are at the same time the rows of that table |
//! | [`ring`](Slot) | the rings through which the records reach user space |
//! | [`tally`](Tally) | what `collector stat` and `top` have the programs count, where no event is recorded |
//! | [`latency`](Latency) | the histograms of how long reclaim and compaction take |

mod event;
mod kind;
mod latency;
mod ring;
mod tally;

pub use event::{
    CacheRecord, Counters, FragEvent, NO_MIGRATETYPE, NO_ORDER, NO_PFN, PageEvent, ReclaimEvent, STACK_DEPTH,
    SlabEvent, StackedPageEvent, TaskRecord, UNKNOWN_ZONE,
};
pub use kind::{Family, Kind, Program};
pub use latency::{Latency, Wait};
pub use ring::{RING_RESERVE, RingEnds, SLOT_WORDS, Slot};
pub use tally::{MIGRATETYPES, ORDERS, Strides, Tally, TallyKey, TallyPlan, ZONE_SPANS, columns};
