//! The records of events. The record that an eBPF program puts into a ring has, field for field, the columns of a row
//! of its table.
//!
//! All records start with `time, pid, cpu, kind`, so that a reader of the ring knows from the [`Kind`] which record it
//! is. They are `repr(C)` with an alignment of 8, which is that of a slot of a ring.

use bytemuck::AnyBitPattern;

#[cfg(doc)]
use super::{Kind, Program};

/// The `pfn` of an allocation that failed, as the kernel reports it (`-1UL` in `mm_page_alloc`).
pub const NO_PFN: u64 = u64::MAX;
/// The `zone` of a page frame that lies in none of the header's zones, of an allocation that failed, and of an event
/// for which the kernel tells no zone.
pub const UNKNOWN_ZONE: u8 = u8::MAX;
/// The `order` of an event for which the kernel tells no order.
pub const NO_ORDER: u8 = u8::MAX;
/// The `migratetype` of an event for which the kernel tells no migratetype, as of a free.
pub const NO_MIGRATETYPE: u8 = u8::MAX;

/// What became of the events of one program on one CPU. The program itself counts, on its own CPU, so the counts are
/// exact: seen = filtered + dropped + records in the ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, AnyBitPattern)]
#[repr(C)]
pub struct Counters {
    /// events for which the program ran
    pub seen: u64,
    /// events whose record found no room in the ring
    pub dropped: u64,
    /// events that the filter kept out
    pub filtered: u64,
}

table! {
    /// Pages allocated or freed: 2^`order` page frames from `pfn` on.
    #[repr(C)]
    #[derive(Copy, AnyBitPattern)]
    pub struct PageEvent in "page" {
        /// when, in ns of the header's clock (`CLOCK_MONOTONIC`)
        pub time: u64,
        /// the thread that ran (the kernel's pid; in an interrupt that of the interrupted thread); the table `task` has
        /// its process and name
        pub pid: u32,
        /// the CPU it ran on
        pub cpu: u16,
        /// what happened: a number of the header's `kinds`
        pub kind: u8,
        /// log2 of the number of pages
        pub order: u8,
        /// number of the first page frame; 2^64-1 if the allocation failed
        pub pfn: u64,
        /// GFP mask as the kernel reports it, to be decoded with the header's table; 0 for a free
        pub gfp: u32,
        /// migratetype that was asked for: an index into the header's `migratetypes`; 255 for a free
        pub migratetype: u8,
        /// zone that holds `pfn`: an index into the header's `zones`; 255 if unknown
        pub zone: u8,
        /// kernel stack of the call: a number of the table `stack`; 0 if none was taken
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
        /// place in the kernel's code that called: a number of the table `symbol`; 0 if unknown
        pub call_site: u64,
        /// bytes asked for (2^32-1 if more), for a cache its `object_size`; 0 for a kfree
        pub bytes_req: u32,
        /// bytes of the object that was given out (2^32-1 if more), for a cache its `size`; 0 for a kfree
        pub bytes_alloc: u32,
        /// GFP mask as the kernel reports it, to be decoded with the header's table; 0 for a free
        pub gfp: u32,
        /// NUMA node that was asked for; -1 if none was
        pub node: i16,
        /// the `kmem_cache`: a number of the table `cache`; 0 for kmalloc and kfree, and if unknown
        pub cache: u16,
    }
}

table! {
    /// Blocks of pages that moved between the pcp lists, the zones' `free_area`, and the lists of other migratetypes.
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
        /// log2 of the number of pages that were asked for
        pub order: u8,
        /// number of the first page frame
        pub pfn: u64,
        /// migratetype that was asked for, of a drained page that of its pcp list: an index into the header's
        /// `migratetypes`
        pub migratetype: u8,
        /// zone that holds `pfn`: an index into the header's `zones`; 255 if unknown
        pub zone: u8,
        /// `extfrag`: order of the block that was taken; 255 for other kinds
        pub fallback_order: u8,
        /// `extfrag`: migratetype of the list from which the block was taken; 255 for other kinds
        pub fallback_migratetype: u8,
        /// `extfrag`: 1 if the whole pageblock now has the migratetype that was asked for; 0 for other kinds
        pub change_ownership: u8,
        /// `zone_locked`: 1 if the block was for a pcp list; 0 for other kinds
        pub percpu_refill: u8,
    }
}

table! {
    /// What the kernel did to get pages: reclaim, compaction, kswapd, the OOM killer. A beginning and its end have the
    /// same `pid`.
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
        /// GFP mask of the allocation that wants the pages; 0 where the kernel tells none
        pub gfp: u32,
        /// NUMA node; -1 where the kernel tells none
        pub node: i16,
        /// zone: an index into the header's `zones`; 255 where the kernel tells none
        pub zone: u8,
        /// `compaction_begin` and `compaction_end`: first page frame of the zone that is compacted; 2^64-1 for other
        /// kinds
        pub pfn: u64,
        /// `direct_reclaim_end`: pages reclaimed; `compaction_begin`: 1 if it may wait; `compaction_end`: the kernel's
        /// `enum compact_result`; `oom_victim`: pid of the process; `try_to_compact`: the kernel's `enum
        /// compact_priority`; 0 for other kinds
        pub value: i64,
    }
}

/// Most stack frames of a kernel stack that are taken.
pub const STACK_DEPTH: usize = 32;

/// A page event with its kernel stack, as it comes through the ring.
#[derive(Debug, Clone, Copy, AnyBitPattern)]
#[repr(C)]
pub struct StackedPageEvent {
    /// the event, whose `stack` is not set yet: user space numbers the stacks
    pub event: PageEvent,
    /// bytes of `frames` that hold return addresses, innermost first; negative if the kernel could not walk the stack
    pub bytes: i64,
    /// return addresses in the kernel's code
    pub frames: [u64; STACK_DEPTH],
}

/// Says which process, name and cgroup a `pid` has from now on: a thread was made, renamed (by `exec`, say), or moved
/// to another cgroup.
#[derive(Debug, Clone, Copy, AnyBitPattern)]
#[repr(C)]
pub struct TaskRecord {
    /// when, in ns of `CLOCK_MONOTONIC`
    pub time: u64,
    /// the thread that the record is about
    pub pid: u32,
    /// the CPU on which the program ran
    pub cpu: u16,
    /// the number of [`Kind::Task`]
    pub kind: u8,
    /// the number of the program that emitted it: [`Program::TaskNew`], [`Program::TaskRename`] or
    /// [`Program::CgroupAttach`]
    pub program: u8,
    /// the process of the thread; 0 if another thread renamed or moved it
    pub tgid: u32,
    /// the thread's name, ended by the first 0; empty if it was only moved
    pub comm: [u8; 16],
    /// the kernel's number of the thread's cgroup (version 2); 0 if another thread renamed it
    pub cgroup: u64,
}

/// Says what the `struct kmem_cache` is to which events of [`Kind::CacheAlloc`] and [`Kind::CacheFree`] point.
#[derive(Debug, Clone, Copy, AnyBitPattern)]
#[repr(C)]
pub struct CacheRecord {
    /// when, in ns of `CLOCK_MONOTONIC`
    pub time: u64,
    /// the thread that ran
    pub pid: u32,
    /// the CPU on which it ran
    pub cpu: u16,
    /// the number of [`Kind::Cache`]
    pub kind: u8,
    /// address of the structure
    pub address: u64,
    /// its field `object_size`: bytes that an object is asked for
    pub object_size: u32,
    /// its field `size`: bytes that an object takes, with padding and debugging fields
    pub size: u32,
    /// its name, ended by the first 0
    pub name: [u8; 32],
}
