//! A policy that gives memory back when a zone runs low: reclaim of cold pages, and compaction of movable pages.

mod compaction;
mod vmscan;

pub use vmscan::{Costs, Lru, Work};
