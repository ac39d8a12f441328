//! How fragmented the free memory of a zone is, at any moment, and what made it so.
//!
//! ```text
//! frame_run (the free frames at the start) ─┐
//! frag and page events ─────────────────────┼─ free_blocks ─ History: free blocks at any moment, drift, times without large blocks
//! free_area (snapshots of /proc/buddyinfo) ─┘
//! extfrag events, and the page events after them ─ fallbacks
//! frame_run and page events ─ pollution: pages that cannot be moved among those that can
//! pageblock (snapshots of /proc/pagetypeinfo) ─ pageblocks by migratetype
//! ```

mod bits;
mod by;
mod events;
mod fallback;
mod fallbacks;
mod free_area;
mod free_blocks;
mod history;
mod index;
mod mixture;
mod pageblocks;
mod pollution;
mod survey;
mod tables;
mod wanted;
mod zone;

pub(crate) use self::survey::Survey;
pub use self::{
    by::By,
    fallbacks::{FallbackCounts, FallbackGroup, Fallbacks},
    history::{Basis, Contradictions, Drift, History, Moment, Scarcity, Source},
    index::{extfrag_index, unusable_index},
    mixture::Mixture,
    pageblocks::TypeCount,
    pollution::Pollution,
    survey::{Fragmentation, read},
    tables::{at, drift, over_time},
    wanted::{Wanted, moments},
};
