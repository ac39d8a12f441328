//! Kernel addresses of page frames: the direct map, `kmap` for high memory, and `vmalloc` for scattered frames.

mod address;
mod kmap;
mod vmalloc;

pub use address::{Address, DirectMap, PageSize};
pub use kmap::{KM_TYPE_NR, Kmap, LAST_PKMAP};
pub use vmalloc::Vmalloc;
