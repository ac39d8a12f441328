//! The tables other than those of events, for names, snapshots of `/proc` and losses; and the list of all tables.

use arrow_schema::Schema;

use crate::{FragEvent, PageEvent, ReclaimEvent, Row, SlabEvent};

/// Declares the list of the tables of this version of the format.
macro_rules! every_table {
    ($($row:ident)*) => {
        /// The names of all tables that this version knows.
        pub const NAMES: &[&str] = &[$($row::TABLE),*];

        /// Returns the Arrow schema of a table by its name, or `None` if this version does not know the table.
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

/// The `migratetype` of a [`FreeArea`] row that counts blocks of all types together, as `/proc/buddyinfo` does.
pub const ANY_MIGRATETYPE: u8 = u8::MAX;

table! {
    /// A thread's process and name, valid from `time` until the next row with the same `pid`.
    pub struct Task in "task" {
        /// The time from which the row is valid, in ns of the header's clock.
        pub time: u64,
        /// The thread (the kernel's pid), as in the events.
        pub pid: u32,
        /// The thread's process (the kernel's tgid), which equals `pid` for a main thread.
        pub tgid: u32,
        /// The thread's name (comm), at most 15 bytes.
        pub comm: String,
        /// The thread's cgroup (version 2): the number of a row of `cgroup`; 0 if unknown.
        pub cgroup: u64 = 0,
    }
}

table! {
    /// The cgroup that a `cgroup` number of the table `task` stands for.
    pub struct Cgroup in "cgroup" {
        /// The time at which the cgroup was first seen, in ns of the header's clock.
        pub time: u64,
        /// The kernel's number of the cgroup.
        pub id: u64,
        /// The cgroup's path in the hierarchy, "/" for the root; "?" if the cgroup was gone before its path could be
        /// read.
        pub path: String,
    }
}

table! {
    /// The place in the kernel's code that a `call_site` number of the slab events stands for. No row has the number 0,
    /// which means unknown.
    pub struct Symbol in "symbol" {
        /// The time at which the place was first seen, in ns of the header's clock.
        pub time: u64,
        /// The number that events and stacks have.
        pub id: u64,
        /// The kernel function, as /proc/kallsyms names it; "?" if no symbol covers the address.
        pub function: String,
        /// The offset of the place, in bytes from the function's start.
        pub offset: u64,
        /// The kernel module; empty for the kernel itself.
        pub module: String,
    }
}

table! {
    /// One frame of a kernel stack. No row has the number 0, which means no stack.
    pub struct Stack in "stack" {
        /// The time at which the stack was first seen, in ns of the header's clock.
        pub time: u64,
        /// The number of the stack that events have.
        pub id: u32,
        /// The depth of the frame: 0 for the function that was running, 1 for its caller, and so on.
        pub depth: u16,
        /// The place in the kernel's code: the number of a row of `symbol`.
        pub symbol: u64,
    }
}

table! {
    /// A `kmem_cache` to which slab events refer by number. No row has the number 0.
    pub struct Cache in "cache" {
        /// The time at which the cache was first seen, in ns of the header's clock.
        pub time: u64,
        /// The number of the cache that events have.
        pub id: u16,
        /// The cache's name, as in /proc/slabinfo.
        pub name: String,
        /// The bytes of an object that its users asked for.
        pub object_size: u32,
        /// The bytes that an object takes.
        pub size: u32,
    }
}

table! {
    /// The time in which a snapshot was read. Events before `time` are in the snapshot, events after `end` are not, and
    /// events between the two may or may not be.
    pub struct SnapshotWindow in "snapshot" {
        /// The time at which reading began, in ns of the header's clock.
        pub time: u64,
        /// The number of the snapshot.
        pub snapshot: u32,
        /// The time at which reading ended, in ns of the header's clock.
        pub end: u64,
        /// The files that were read: `proc` (buddyinfo, pagetypeinfo, zoneinfo, vmstat), `slabinfo`, `kpageflags`.
        pub source: String,
    }
}

table! {
    /// A line of /proc/slabinfo.
    pub struct SlabInfo in "slabinfo" {
        /// The time at which /proc was read, in ns of the header's clock.
        pub time: u64,
        /// The number of the snapshot.
        pub snapshot: u32,
        /// The cache's name.
        pub name: String,
        /// The number of objects in use, including those on the CPUs' own slabs.
        pub active_objs: u64,
        /// The number of objects for which the slabs have room.
        pub num_objs: u64,
        /// The bytes that an object takes.
        pub objsize: u32,
        /// The number of objects per slab.
        pub objperslab: u32,
        /// The number of pages per slab.
        pub pagesperslab: u32,
        /// The number of slabs in use.
        pub active_slabs: u64,
        /// The number of slabs.
        pub num_slabs: u64,
    }
}

table! {
    /// A run of adjacent page frames of one class, from /proc/kpageflags. Frames that do not exist are in no run.
    pub struct FrameRun in "frame_run" {
        /// The time at which reading began, in ns of the header's clock.
        pub time: u64,
        /// The number of the snapshot.
        pub snapshot: u32,
        /// The number of the first page frame.
        pub pfn: u64,
        /// The number of page frames.
        pub pages: u64,
        /// The class of the frames: `free`, `slab`, `anon`, `file`, `page_table`, `huge`, `reserved` or `other`.
        pub class: String,
    }
}

table! {
    /// The free blocks of one zone and order, from /proc/buddyinfo (migratetype 255) and /proc/pagetypeinfo.
    pub struct FreeArea in "free_area" {
        /// The time at which /proc was read, in ns of the header's clock.
        pub time: u64,
        /// The number of the snapshot, which all rows that were read together share.
        pub snapshot: u32,
        /// The zone: an index into the header's `zones`.
        pub zone: u8,
        /// The order of the blocks.
        pub order: u8,
        /// The migratetype: an index into the header's `migratetypes`; 255 for all together, from /proc/buddyinfo.
        pub migratetype: u8,
        /// The number of free blocks of exactly this order. The kernel stops counting at 100000 for /proc/pagetypeinfo.
        pub nr_free: u64,
    }
}

table! {
    /// The pageblocks of one zone and migratetype, from /proc/pagetypeinfo.
    pub struct Pageblock in "pageblock" {
        /// The time at which /proc was read, in ns of the header's clock.
        pub time: u64,
        /// The number of the snapshot.
        pub snapshot: u32,
        /// The zone: an index into the header's `zones`.
        pub zone: u8,
        /// The migratetype: an index into the header's `migratetypes`.
        pub migratetype: u8,
        /// The number of pageblocks of this migratetype.
        pub count: u64,
    }
}

table! {
    /// One item of one zone in /proc/zoneinfo, under the kernel's name: `free`, `min`, `managed`, `protection[N]`,
    /// `pagesets[CPU].count` and others.
    pub struct ZoneStat in "zone_stat" {
        /// The time at which /proc was read, in ns of the header's clock.
        pub time: u64,
        /// The number of the snapshot.
        pub snapshot: u32,
        /// The zone: an index into the header's `zones`.
        pub zone: u8,
        /// The kernel's name of the item.
        pub item: String,
        /// The value of the item, in pages unless the name says otherwise.
        pub value: i64,
    }
}

table! {
    /// One counter of /proc/vmstat.
    pub struct VmStat in "vmstat" {
        /// The time at which /proc was read, in ns of the header's clock.
        pub time: u64,
        /// The number of the snapshot.
        pub snapshot: u32,
        /// The kernel's name of the counter.
        pub item: String,
        /// The value of the counter.
        pub value: i64,
    }
}

table! {
    /// What became of the events of one program on one CPU since the start. Once the trace is finished, seen = written
    /// + dropped + filtered.
    pub struct Ledger in "ledger" {
        /// The time of the counts, in ns of the header's clock.
        pub time: u64,
        /// The CPU; 65535 for `missed`, which the kernel counts only per program.
        pub cpu: u16,
        /// The name of the program.
        pub program: String,
        /// The number of times that the program ran.
        pub seen: u64,
        /// The number of the program's rows in this trace.
        pub written: u64,
        /// The number of events that were lost because the ring was full, or because writing failed.
        pub dropped: u64,
        /// The number of events that were kept out by a filter, by sampling, or by the rule that the collector does not
        /// trace itself.
        pub filtered: u64,
        /// The number of times that the kernel did not run the program because it was already running on that CPU.
        pub missed: u64,
    }
}

impl Ledger {
    /// The `cpu` of rows that are not about one CPU.
    pub const ALL_CPUS: u16 = u16::MAX;
    /// The `program` of losses of events of unknown kind, which imported traces take over from other tools.
    pub const ANY_PROGRAM: &str = "any";
}
