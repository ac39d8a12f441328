//! The programs that record, one for each tracepoint and way of attaching.
//!
//! `raw_tracepoint` and `tracepoint` read the arguments of the same tracepoints in two ways, and pass them to `events`,
//! which makes the records. The programs of `slab_cache`, `reclaim` and `tasks` exist in one form only.

mod events;
mod raw_tracepoint;
mod reclaim;
mod slab_cache;
mod tasks;
mod tracepoint;
