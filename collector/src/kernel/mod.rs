//! What the running kernel tells about itself: nothing about it is known beforehand.

mod btf;
mod buddyinfo;
mod cgroups;
mod cpus;
mod host;
mod kallsyms;
mod kpageflags;
mod pagetypeinfo;
mod proc_file;
mod slabinfo;
mod tracefs;
mod zoneinfo;

pub use btf::Btf;
pub use buddyinfo::BuddyInfo;
pub use cgroups::{Cgroup, Cgroups};
pub use cpus::{cpu_node, present_cpus};
pub use host::{describe, monotonic_ns};
pub use kallsyms::Kallsyms;
pub use kpageflags::KPageFlags;
pub use pagetypeinfo::PageTypeInfo;
pub use proc_file::ProcFile;
pub use slabinfo::parse_slabinfo;
pub use tracefs::Tracefs;
pub use zoneinfo::{ZoneInfo, ZoneItems};
