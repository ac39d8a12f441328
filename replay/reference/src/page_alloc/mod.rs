//! The page allocator, which serves requests for blocks of page frames.

mod alloc;
mod allocator;
mod config;
mod contig;
mod counters;
mod fast;
mod frame;
mod free;
mod owner;
mod pressure;
mod procfs;
mod routes;
mod seed;
mod setup;
mod slowpath;
mod validate;
mod vmstat;

pub use allocator::PageAllocator;
pub use config::Config;
pub use counters::Counters;
pub use pressure::{NoPressure, Pressure};
