//! Reading the running kernel's properties, with a file for each of the kernel's interfaces. No property of the kernel
//! is assumed.
//!
//! | from | files |
//! | --- | --- |
//! | `/proc` | `buddyinfo`, `pagetypeinfo`, `zoneinfo`, `vmstat`, `slabinfo`, `kpageflags`, `kallsyms`; `proc_file` reads them |
//! | `/sys` | `tracefs` (formats of tracepoints), `btf` (types), `cgroups`, `cpus` |
//! | all of these | `host`: the header of a trace |

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
