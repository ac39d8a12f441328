//! What the running kernel tells about itself: nothing about it is known beforehand.

mod buddyinfo;
mod cpus;
mod host;
mod kallsyms;
mod pagetypeinfo;
mod proc_file;
mod tracefs;
mod zoneinfo;

pub use buddyinfo::BuddyInfo;
pub use cpus::{cpu_node, online_cpus};
pub use host::{describe, monotonic_ns};
pub use kallsyms::Kallsyms;
pub use pagetypeinfo::PageTypeInfo;
pub use proc_file::ProcFile;
pub use tracefs::Tracefs;
pub use zoneinfo::{ZoneInfo, ZoneItems};
