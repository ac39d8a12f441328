//! Per-CPU page lists: the cache in front of each zone that needs no zone lock.
//!
//! The lists themselves are part of their zone (`zone::per_cpu_pages`); this module has the operations on them.

mod dynamics;
mod free;
mod lists;
mod rmqueue;
mod sizes;

pub(crate) use free::{drain, free_to_pcp};
pub(crate) use lists::{allows, list_contents, list_index, seed};
pub(crate) use rmqueue::rmqueue_pcplist;
pub use sizes::{pcp_sizes, pcp_sizes_textbook};
