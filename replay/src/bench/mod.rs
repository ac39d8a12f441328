//! Measurements of the reference allocator: the cost of its operations, and the large blocks left after long use.

mod fragmentation;
mod operations;
mod random;

pub use fragmentation::{FragmentationRow, PUBLISHED, fragmentation};
pub use operations::{BenchRow, bench};
