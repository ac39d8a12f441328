//! The slab layer, which allocates objects of one size, many to a page.
//!
//! Two generations share the slabs and differ in the choice of the next slab: SLUB (since 2.6.22, the only one since
//! 6.8), and the textbook's slab allocator with its full, partial and empty lists. The management data is stored beside
//! the pages and not in them. Freed objects of one slab are reused last in, first out; new objects are used in address
//! order.

mod alloc;
mod allocator;
mod cache;
mod debug;
mod free;
mod kmalloc;
mod kmalloc_caches;
mod lists;
mod sizes;
mod slab_common;
mod slabinfo;
mod slub;
mod textbook;
mod validate;

pub use allocator::SlabAllocator;
pub(crate) use allocator::Source;
pub use cache::{CacheFlags, CacheId, CacheStats};
pub use kmalloc_caches::KmallocType;
pub use sizes::{SlabSizes, kmalloc_class, kmalloc_classes, slab_sizes};
