//! GFP masks: what a request may do, where it may go, and what it is for.
//!
//! A [`Gfp`] is a mask as the *traced* kernel numbers it. Bits have moved several times in the kernel's history, so
//! every mask passes through the [`GfpTable`] of its kernel, which turns it into the allocator's own [`Flags`].

mod explain;
mod flags;
mod table;
mod zone;

pub use explain::{Context, Explanation, Verdict};
pub use flags::Flags;
pub use table::GfpTable;
pub use zone::{BadZoneBits, gfp_migratetype, gfp_zone};

use core::fmt;

/// A GFP mask in the bit numbering of the kernel it came from.
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
