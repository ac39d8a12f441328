//! Counting inside the kernel without a trace, which is the cheapest way to see what the allocator does.
//!
//! ```text
//! Counter (programs at work) ─► Sample (what the kernel's maps hold) ─► difference of two ─► rows by column
//!     ─► Report ─► text, JSON; top
//! ```

mod allocator;
mod column;
mod counter;
mod key_names;
mod report;
mod rows;
mod run;
mod text;

pub use allocator::Allocator;
pub use column::Column;
pub use counter::{Counter, Options};
pub use key_names::KeyNames;
pub(crate) use key_names::NO_VALUE;
pub use report::Report;
pub use rows::{Counts, Row};
pub(crate) use rows::{rows, total};
pub use run::{Schedule, stat};
pub use text::Text;

pub(crate) use crate::bpf::ProgramAccount;
pub use crate::bpf::Sample;
