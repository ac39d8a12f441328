//! The binary buddy system: take the smallest block that fits and split it, merge a freed block with its buddy; and what
//! is done when the asked type has no block.
//!
//! Everything here works on one zone, whose lock the kernel holds meanwhile.

pub(crate) mod expand;
mod fallback;
mod fragmentation;
pub(crate) mod free_one_page;
pub(crate) mod highatomic;
pub(crate) mod pageblock;
pub(crate) mod request;
pub(crate) mod rmqueue;

pub use fragmentation::FreeBlocks;
