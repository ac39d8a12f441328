//! Reports: each question that the program answers, in a file or folder of its own. A report reads what it needs in one
//! pass over the events, and gives its answer as data and as a [`Table`](crate::present::table::Table).

pub mod diff;
pub mod frag;
pub mod gfp;
pub mod info;
pub mod kmem;
pub mod leaks;
pub mod lifetimes;
pub mod lint;
pub mod replay;
pub mod slab;
pub mod stat;
pub mod summary;
