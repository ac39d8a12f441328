//! The event records: what an eBPF program puts into the ring is, byte for byte, what a row of the table says.
//!
//! All records start with `time, pid, cpu, kind`, so a reader of the ring knows from [`Kind`] what follows. They are
//! `repr(C)` with an alignment of 8, which is what a slot of a ring has.

use bytemuck::AnyBitPattern;

#[cfg(doc)]
use super::{Kind, Program};

/// The `pfn` of an allocation that failed, as the kernel reports it (`-1UL` in `mm_page_alloc`).
pub const NO_PFN: u64 = u64::MAX;
/// The `zone` of a frame that lies in none of the header's zones, of an allocation that failed, and of an event that
/// names none.
pub const UNKNOWN_ZONE: u8 = u8::MAX;
/// The `order` of an event for which the kernel tells none.
pub const NO_ORDER: u8 = u8::MAX;
/// The `migratetype` of an event for which the kernel tells none, as of a free.
pub const NO_MIGRATETYPE: u8 = u8::MAX;

/// What became of the events of one program on one CPU, as the eBPF side counts it: exactly, for it counts on its own
/// CPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, AnyBitPattern)]
#[repr(C)]
pub struct Counters {
    /// times the program ran
    pub seen: u64,
    /// times the ring had no room
    pub dropped: u64,
    /// times a filter kept the event out
    pub filtered: u64,
}

table! {
    /// Pages allocated or freed: 2^`order` frames from `pfn` on.
    #[repr(C)]
    #[derive(Copy, AnyBitPattern)]
    pub struct PageEvent in "page" {
        /// when, in ns of the header's clock (`CLOCK_MONOTONIC`)
        pub time: u64,
        /// the thread that ran (the kernel's pid; in an interrupt, the interrupted thread); `task` has its process and
        /// name
        pub pid: u32,
        /// the CPU it ran on
        pub cpu: u16,
        /// what happened: a number of the header's `kinds`
        pub kind: u8,
        /// log2 of the number of pages
        pub order: u8,
        /// first page frame number; 2^64-1 if the allocation failed
        pub pfn: u64,
        /// GFP mask as the kernel reports it, to be decoded with the header's table; 0 for a free
        pub gfp: u32,
        /// migratetype that was asked for: an index into the header's `migratetypes`; 255 for a free
        pub migratetype: u8,
        /// index into the header's `zones` of the zone that holds pfn; 255 if unknown
        pub zone: u8,
        /// the kernel stack that did it: a number of the table `stack`; 0 if none was taken
        pub stack: u32 = 0,
    }
}

table! {
    /// Kernel objects allocated or freed.
    #[repr(C)]
    #[derive(Copy, AnyBitPattern)]
    pub struct SlabEvent in "slab" {
        /// when, in ns of the header's clock (`CLOCK_MONOTONIC`)
        pub time: u64,
        /// the thread that ran; `task` has its process and name
        pub pid: u32,
        /// the CPU it ran on
        pub cpu: u16,
        /// what happened: a number of the header's `kinds`
        pub kind: u8,
        /// physical address of the object (page frame number * page size + offset); 0 for NULL; with `raw_addresses`,
        /// or where the header has no `object_base`, an opaque number
        pub object: u64,
        /// who called: a row of `symbol`; 0 if unknown
        pub call_site: u64,
        /// bytes asked for (2^32-1 if more), for a cache its `object_size`; 0 for a kfree
        pub bytes_req: u32,
        /// bytes of the object that was given out, for a cache its `size`; 0 for a kfree
        pub bytes_alloc: u32,
        /// GFP mask as the kernel reports it; 0 for a free
        pub gfp: u32,
        /// NUMA node that was asked for; -1 if none was
        pub node: i16,
        /// number of the `kmem_cache`: a row of the table `cache`; 0 for kmalloc and kfree, and if unknown
        pub cache: u16,
    }
}

table! {
    /// What moved between the pcp lists, the zones' `free_area` and the lists of other migratetypes.
    #[repr(C)]
    #[derive(Copy, AnyBitPattern)]
    pub struct FragEvent in "frag" {
        /// when, in ns of the header's clock (`CLOCK_MONOTONIC`)
        pub time: u64,
        /// the thread that ran; `task` has its process and name
        pub pid: u32,
        /// the CPU it ran on
        pub cpu: u16,
        /// what happened: a number of the header's `kinds`
        pub kind: u8,
        /// log2 of the number of pages: those that were asked for
        pub order: u8,
        /// first page frame number
        pub pfn: u64,
        /// migratetype: the one that was asked for; of a drained page, its list's
        pub migratetype: u8,
        /// index into the header's `zones` of the zone that holds pfn; 255 if unknown
        pub zone: u8,
        /// extfrag: order of the block that was taken; 255 for others
        pub fallback_order: u8,
        /// extfrag: migratetype of the list that it was taken from; 255 for others
        pub fallback_migratetype: u8,
        /// extfrag: 1 if the whole pageblock now has the type that was asked for
        pub change_ownership: u8,
        /// `zone_locked`: 1 if the block was for a pcp list
        pub percpu_refill: u8,
    }
}

table! {
    /// What the kernel did to get pages: reclaim, compaction, kswapd, the OOM killer. Beginnings and ends pair up by
    /// `pid`.
    #[repr(C)]
    #[derive(Copy, AnyBitPattern)]
    pub struct ReclaimEvent in "reclaim" {
        /// when, in ns of the header's clock (`CLOCK_MONOTONIC`)
        pub time: u64,
        /// the thread that ran; `task` has its process and name
        pub pid: u32,
        /// the CPU it ran on
        pub cpu: u16,
        /// what happened: a number of the header's `kinds`
        pub kind: u8,
        /// order of the pages that are wanted; 255 where the kernel tells none
        pub order: u8,
        /// GFP mask of the allocation that wants them; 0 where the kernel tells none
        pub gfp: u32,
        /// NUMA node; -1 where the kernel tells none
        pub node: i16,
        /// index into the header's `zones`; 255 where the kernel tells none
        pub zone: u8,
        /// compaction: first frame of the zone that is compacted; 2^64-1 for others
        pub pfn: u64,
        /// `direct_reclaim_end`: pages reclaimed; `compaction_begin`: 1 if it may wait; `compaction_end`: the kernel's
        /// `enum compact_result`; `oom_victim`: the process; `try_to_compact`: the kernel's `enum compact_priority`; 0
        /// for others
        pub value: i64,
    }
}

/// Most frames of a stack that are taken.
pub const STACK_DEPTH: usize = 32;

/// A page event with the kernel stack that led to it, as it comes through the ring.
#[derive(Debug, Clone, Copy, AnyBitPattern)]
#[repr(C)]
pub struct StackedPageEvent {
    /// the event; its `stack` is not yet set
    pub event: PageEvent,
    /// bytes of `frames` that hold return addresses, innermost first; negative if the kernel could not walk the stack
    pub bytes: i64,
    /// kernel addresses
    pub frames: [u64; STACK_DEPTH],
}

/// Says which process, name and cgroup a `pid` has from now on: a thread was made, renamed (by `exec`, say), or moved.
#[derive(Debug, Clone, Copy, AnyBitPattern)]
#[repr(C)]
pub struct TaskRecord {
    /// when, as in [`PageEvent`]
    pub time: u64,
    /// the thread
    pub pid: u32,
    /// the CPU it ran on
    pub cpu: u16,
    /// [`Kind::Task`]
    pub kind: u8,
    /// which of [`Program::TaskNew`], [`Program::TaskRename`], [`Program::CgroupAttach`] says so
    pub program: u8,
    /// its process; 0 if another thread did this to it
    pub tgid: u32,
    /// its name, ended by the first 0; empty if it only moved
    pub comm: [u8; 16],
    /// its cgroup (version 2), by the kernel's number; 0 if another thread did this to it
    pub cgroup: u64,
}

/// Says what a `struct kmem_cache` is that events of [`Kind::CacheAlloc`] and [`Kind::CacheFree`] point to.
#[derive(Debug, Clone, Copy, AnyBitPattern)]
#[repr(C)]
pub struct CacheRecord {
    /// when, as in [`PageEvent`]
    pub time: u64,
    /// the thread that ran
    pub pid: u32,
    /// the CPU it ran on
    pub cpu: u16,
    /// [`Kind::Cache`]
    pub kind: u8,
    /// its address
    pub address: u64,
    /// bytes that an object is asked for
    pub object_size: u32,
    /// bytes that an object takes
    pub size: u32,
    /// its name, ended by the first 0
    pub name: [u8; 32],
}
