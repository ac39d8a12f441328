//! The tables beside the events: who, where, what `/proc` said, and what was lost; and the list of all tables.

use arrow_schema::Schema;

use crate::{FragEvent, PageEvent, ReclaimEvent, Row, SlabEvent};

/// Every table of this version of the format.
macro_rules! every_table {
    ($($row:ident)*) => {
        /// The names of all tables that this version knows.
        pub const NAMES: &[&str] = &[$($row::TABLE),*];

        /// The Arrow schema of a table, by its name; `None` for one that this version does not know.
        pub fn schema(table: &str) -> Option<Schema> {
            match table {
                $($row::TABLE => Some($row::schema()),)*
                _ => None,
            }
        }
    };
}

every_table! {
    PageEvent SlabEvent FragEvent ReclaimEvent
    Task Cgroup Symbol Stack Cache
    SnapshotWindow SlabInfo FrameRun FreeArea Pageblock ZoneStat VmStat
    Ledger
}

/// The `migratetype` of a [`FreeArea`] row that counts blocks of every type, as `/proc/buddyinfo` does.
pub const ANY_MIGRATETYPE: u8 = u8::MAX;

table! {
    /// A thread's process and name, valid from `time` until the next row with the same `pid`.
    pub struct Task in "task" {
        /// from when, in ns of the header's clock
        pub time: u64,
        /// the thread, as in the events
        pub pid: u32,
        /// its process; equals pid for a main thread
        pub tgid: u32,
        /// its name (comm), at most 15 bytes
        pub comm: String,
        /// its cgroup (version 2): a row of `cgroup`; 0 if unknown
        pub cgroup: u64 = 0,
    }
}

table! {
    /// What a `cgroup` number of the tasks stands for.
    pub struct Cgroup in "cgroup" {
        /// when it was first seen, in ns of the header's clock
        pub time: u64,
        /// the kernel's number
        pub id: u64,
        /// its path in the hierarchy, "/" for the root; "?" if it was gone before it could be named
        pub path: String,
    }
}

table! {
    /// What a `call_site` number of the slab events stands for. Number 0 is never defined: unknown.
    pub struct Symbol in "symbol" {
        /// when it was first seen, in ns of the header's clock
        pub time: u64,
        /// the number
        pub id: u64,
        /// kernel function, as /proc/kallsyms names it; "?" if no symbol covers the address
        pub function: String,
        /// bytes from the function's start
        pub offset: u64,
        /// kernel module; empty for the kernel itself
        pub module: String,
    }
}

table! {
    /// One frame of a kernel stack. Number 0 is never defined: no stack.
    pub struct Stack in "stack" {
        /// when the stack was first seen, in ns of the header's clock
        pub time: u64,
        /// the number that events have
        pub id: u32,
        /// 0 for the function that was running, 1 for its caller, and so on
        pub depth: u16,
        /// where in the kernel: a row of `symbol`
        pub symbol: u64,
    }
}

table! {
    /// A `kmem_cache` that slab events name by number. Number 0 is never defined.
    pub struct Cache in "cache" {
        /// when it was first seen, in ns of the header's clock
        pub time: u64,
        /// the number
        pub id: u16,
        /// its name, as in /proc/slabinfo
        pub name: String,
        /// bytes that an object is asked for
        pub object_size: u32,
        /// bytes that an object takes
        pub size: u32,
    }
}

table! {
    /// When a snapshot was read. An event between `time` and `end` may be in what was read, or not; earlier ones are,
    /// later ones are not.
    pub struct SnapshotWindow in "snapshot" {
        /// when reading began, in ns of the header's clock
        pub time: u64,
        /// number of the snapshot
        pub snapshot: u32,
        /// when reading ended
        pub end: u64,
        /// what was read: `proc` (buddyinfo, pagetypeinfo, zoneinfo, vmstat), `slabinfo`, `kpageflags`
        pub source: String,
    }
}

table! {
    /// A line of /proc/slabinfo.
    pub struct SlabInfo in "slabinfo" {
        /// when /proc was read, in ns of the header's clock
        pub time: u64,
        /// number of the snapshot
        pub snapshot: u32,
        /// the cache's name
        pub name: String,
        /// objects in use, those on the CPUs' own slabs included
        pub active_objs: u64,
        /// objects that there is room for
        pub num_objs: u64,
        /// bytes that an object takes
        pub objsize: u32,
        /// objects per slab
        pub objperslab: u32,
        /// pages per slab
        pub pagesperslab: u32,
        /// slabs in use
        pub active_slabs: u64,
        /// slabs
        pub num_slabs: u64,
    }
}

table! {
    /// Adjacent page frames of one class, from /proc/kpageflags. Frames that do not exist are not listed.
    pub struct FrameRun in "frame_run" {
        /// when reading began, in ns of the header's clock
        pub time: u64,
        /// number of the snapshot
        pub snapshot: u32,
        /// the first frame
        pub pfn: u64,
        /// how many
        pub pages: u64,
        /// `free`, `slab`, `anon`, `file`, `page_table`, `huge`, `reserved`, `other`
        pub class: String,
    }
}

table! {
    /// Free blocks of one zone and order: /proc/buddyinfo (migratetype 255) and /proc/pagetypeinfo.
    pub struct FreeArea in "free_area" {
        /// when /proc was read, in ns of the header's clock
        pub time: u64,
        /// number of the snapshot: all rows that were read together share it
        pub snapshot: u32,
        /// index into the header's zones
        pub zone: u8,
        /// block order
        pub order: u8,
        /// index into the header's migratetypes; 255 = all together, from /proc/buddyinfo
        pub migratetype: u8,
        /// free blocks of exactly this order (pagetypeinfo stops counting at 100000)
        pub nr_free: u64,
    }
}

table! {
    /// Pageblocks of one zone and migratetype: /proc/pagetypeinfo.
    pub struct Pageblock in "pageblock" {
        /// when /proc was read, in ns of the header's clock
        pub time: u64,
        /// number of the snapshot
        pub snapshot: u32,
        /// index into the header's zones
        pub zone: u8,
        /// index into the header's migratetypes
        pub migratetype: u8,
        /// pageblocks of this type
        pub count: u64,
    }
}

table! {
    /// One item of one zone in `/proc/zoneinfo`, in the kernel's words: `free`, `min`, `managed`, `protection[N]`,
    /// `pagesets[CPU].count` …
    pub struct ZoneStat in "zone_stat" {
        /// when /proc was read, in ns of the header's clock
        pub time: u64,
        /// number of the snapshot
        pub snapshot: u32,
        /// index into the header's zones
        pub zone: u8,
        /// the kernel's name of the item
        pub item: String,
        /// its value: pages unless the name says otherwise
        pub value: i64,
    }
}

table! {
    /// One counter of /proc/vmstat.
    pub struct VmStat in "vmstat" {
        /// when /proc was read, in ns of the header's clock
        pub time: u64,
        /// number of the snapshot
        pub snapshot: u32,
        /// the kernel's name of the counter
        pub item: String,
        /// its value
        pub value: i64,
    }
}

table! {
    /// What became of the events of one program on one CPU since the start: seen = written + dropped + filtered once
    /// the trace is finished.
    pub struct Ledger in "ledger" {
        /// as of when, in ns of the header's clock
        pub time: u64,
        /// the CPU; 65535 for `missed`, which the kernel counts per program only
        pub cpu: u16,
        /// name of the kind of event the program emits
        pub program: String,
        /// times the program ran
        pub seen: u64,
        /// rows in this trace
        pub written: u64,
        /// events lost: the ring was full, or writing failed
        pub dropped: u64,
        /// events that a filter, sampling, or the rule that the collector does not trace itself kept out
        pub filtered: u64,
        /// times the kernel did not run the program at all because it was running already on that CPU
        pub missed: u64,
    }
}

impl Ledger {
    /// The `cpu` of rows that are not about one CPU.
    pub const ALL_CPUS: u16 = u16::MAX;
    /// The `program` of losses of events whose kind nobody knows, as imported traces have them from other tools.
    pub const ANY_PROGRAM: &str = "any";
}
