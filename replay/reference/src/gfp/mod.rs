//! GFP masks at the allocator's door: where a request may go, and what its pages are for.
//!
//! What the bits of a mask mean is told by the crate [`gfp`](::gfp), which the traces share.

mod zone;

pub use ::gfp::{Context, Explanation, Flags, Generation, GfpTable, Verdict};
pub use zone::{BadZoneBits, gfp_migratetype, gfp_zone};

use core::fmt;

/// A GFP mask in the bit numbering of the kernel it came from: the kernel's `gfp_t`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Gfp(pub u32);

impl core::ops::BitOr for Gfp {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Display for Gfp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}
