//! The binary buddy system, which splits the smallest block that fits and merges a freed block with its buddy, and the
//! fallbacks when the requested type has no free block.
//!
//! All functions here work on one zone, whose lock the kernel holds during the call.

pub(crate) mod expand;
mod fallback;
mod fragmentation;
pub(crate) mod free_one_page;
pub(crate) mod highatomic;
pub(crate) mod pageblock;
pub(crate) mod request;
pub(crate) mod rmqueue;

pub use fragmentation::FreeBlocks;
