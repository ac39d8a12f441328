//! Measurements of the reference allocator: what its operations cost, and what long use leaves of large blocks.

mod fragmentation;
mod operations;
mod random;

pub use fragmentation::{FragmentationRow, PUBLISHED, fragmentation};
pub use operations::{BenchRow, bench};
