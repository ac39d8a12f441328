//! The records that the eBPF programs and user space share, byte for byte. These modules need no `std`, so that the
//! programs are compiled from the same definitions.
//!
//! | file | holds |
//! | --- | --- |
//! | `kind` | [`Kind`], the numbers of the kinds of records; [`Program`], the eBPF programs and their tracepoints |
//! | `event` | the records of events ([`PageEvent`] and others), which are also the rows of the events' tables |
//! | `ring` | [`Slot`] and [`RingEnds`], the rings through which records reach user space |
//! | `tally` | [`Tally`] and [`TallyKey`], what the counting programs of `collector stat` and `top` count |
//! | `latency` | [`Latency`], histograms of how long reclaim and compaction take |

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
