//! GFP masks at the allocator's door: where a request may go, what its pages are for, and what an attempt may do.
//!
//! What the bits of a mask mean is told by the crate [`gfp`](::gfp), which the traces share.

pub(crate) mod alloc_flags;
mod mask;
mod zone;

pub use ::gfp::{Context, Explanation, Flags, Generation, GfpTable, Verdict};
pub use mask::Gfp;
pub use zone::{BadZoneBits, gfp_migratetype, gfp_zone};
