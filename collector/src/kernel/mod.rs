//! What the running kernel tells about itself: nothing about it is known beforehand.

mod btf;
mod buddyinfo;
mod cgroups;
mod clock;
mod cpus;
mod host;
mod kallsyms;
mod kpageflags;
mod pagetypeinfo;
mod proc_file;
mod slabinfo;
mod tracefs;
mod vmstat;
mod zoneinfo;

pub(crate) use btf::Btf;
pub use buddyinfo::BuddyInfo;
pub(crate) use cgroups::{Cgroup, Cgroups};
pub(crate) use clock::monotonic_ns;
pub(crate) use cpus::present_cpus;
pub(crate) use host::describe;
pub use kallsyms::Kallsyms;
pub(crate) use kpageflags::KPageFlags;
pub use pagetypeinfo::PageTypeInfo;
pub(crate) use proc_file::ProcFile;
pub(crate) use slabinfo::parse_slabinfo;
pub(crate) use tracefs::Tracefs;
pub(crate) use vmstat::parse_vmstat;
pub use zoneinfo::{ZoneInfo, ZoneItems};
