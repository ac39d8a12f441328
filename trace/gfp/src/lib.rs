//! GFP masks: what a request for memory may do, where its pages may come from, and what the pages are for.
//!
//! A *mask* is a `u32` in the numbering of the kernel it comes from. Bits have moved several times in the kernel's
//! history, and those above 23 move with its configuration, so a mask means something only beside the [`GfpTable`] of
//! its kernel. The table gives the bits their names ([`GfpTable::decode`], [`GfpTable::encode`]), translates a mask
//! into [`Flags`], which mean the same in every kernel, and explains it in words ([`GfpTable::explain`]).
//!
//! ```
//! use gfp::{Context, Generation, GfpTable, Verdict};
//!
//! let table = GfpTable::of(Generation::V6_18);
//! let mask = table.encode("GFP_KERNEL|__GFP_ZERO").unwrap();
//! assert_eq!(table.decode(mask), "GFP_KERNEL|__GFP_ZERO");
//! let explanation = table.explain(mask);
//! assert_eq!(explanation.verdict(Context::Process), Verdict::Allowed);
//! assert_eq!(explanation.verdict(Context::Atomic), Verdict::SleepsInAtomic);
//! ```
//!
//! The crate is shared by the trace directory, whose header carries the traced kernel's table, by the reference
//! allocator, which obeys the flags, and by the analyzer, which explains them.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod context;
mod effort;
mod explain;
mod flags;
mod generation;
mod kernels;
mod meaning;
mod table;

pub use context::{Context, Verdict};
pub use effort::Effort;
pub use explain::{Bit, Explanation};
pub use flags::Flags;
pub use generation::Generation;
pub use meaning::meaning;
pub use table::GfpTable;
