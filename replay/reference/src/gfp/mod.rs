//! GFP masks as the allocator reads them: the zones a request may use, the mobility of its pages, and the rights of an
//! attempt.
//!
//! The crate [`gfp`](::gfp), which the traces share, defines what the bits of a mask mean.

pub(crate) mod alloc_flags;
mod mask;
mod zone;

pub use ::gfp::{Context, Explanation, Flags, Generation, GfpTable, Verdict};
pub use mask::Gfp;
pub use zone::{BadZoneBits, gfp_migratetype, gfp_zone};
