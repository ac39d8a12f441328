//! The programs that record, one per tracepoint and way of attaching.
//!
//! `raw_tracepoint` and `tracepoint` read the arguments of the same calls, in two ways, and hand them to `events`,
//! which makes the records. `slab_cache`, `reclaim` and `tasks` exist in one form only.

mod events;
mod raw_tracepoint;
mod reclaim;
mod slab_cache;
mod tasks;
mod tracepoint;
