//! The records of events. A record that an eBPF program puts into a ring has the same fields as a row of the event's
//! table.
//!
//! All records start with `time, pid, cpu, kind`, so that a reader of the ring learns the type of a record from its
//! [`Kind`]. All records are `repr(C)` with an alignment of 8 bytes, which is the alignment of a ring's slot.

use bytemuck::AnyBitPattern;

#[cfg(doc)]
use super::{Kind, Program};

/// The `pfn` of an allocation that failed, as the kernel reports it (`-1UL` in `mm_page_alloc`).
pub const NO_PFN: u64 = u64::MAX;
/// The `zone` of a page frame that lies in none of the header's zones, of an allocation that failed, and of an event
/// for which the kernel reports no zone.
pub const UNKNOWN_ZONE: u8 = u8::MAX;
/// The `order` of an event for which the kernel reports no order.
pub const NO_ORDER: u8 = u8::MAX;
/// The `migratetype` of an event for which the kernel reports no migratetype, such as a free.
pub const NO_MIGRATETYPE: u8 = u8::MAX;

/// What became of the events of one program on one CPU. The counts are exact, because the program itself keeps them, on
/// its own CPU: seen = filtered + dropped + records in the ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, AnyBitPattern)]
#[repr(C)]
pub struct Counters {
    /// The number of events for which the program ran.
    pub seen: u64,
    /// The number of events whose record found no room in the ring.
    pub dropped: u64,
    /// The number of events that the filter kept out.
    pub filtered: u64,
}

table! {
    /// Pages allocated or freed: 2^`order` page frames, of which `pfn` is the first.
    #[repr(C)]
    #[derive(Copy, AnyBitPattern)]
    pub struct PageEvent in "page" {
        /// The time of the event, in ns of the header's clock (`CLOCK_MONOTONIC`).
        pub time: u64,
        /// The thread that ran (the kernel's pid; in an interrupt, that of the interrupted thread). The table `task`
        /// has the thread's process and name.
        pub pid: u32,
        /// The CPU on which the thread ran.
        pub cpu: u16,
        /// The kind of the event: a number of the header's `kinds`.
        pub kind: u8,
        /// The order of the block: log2 of the number of pages.
        pub order: u8,
        /// The number of the first page frame; 2^64-1 if the allocation failed.
        pub pfn: u64,
        /// The GFP mask as the kernel reports it, to be decoded with the header's table; 0 for a free.
        pub gfp: u32,
        /// The migratetype that was asked for: an index into the header's `migratetypes`; 255 for a free.
        pub migratetype: u8,
        /// The zone that holds `pfn`: an index into the header's `zones`; 255 if unknown.
        pub zone: u8,
        /// The kernel stack of the call: a number of the table `stack`; 0 if no stack was taken.
        pub stack: u32 = 0,
    }
}

table! {
    /// An allocation or a free of a kernel object.
    #[repr(C)]
    #[derive(Copy, AnyBitPattern)]
    pub struct SlabEvent in "slab" {
        /// The time of the event, in ns of the header's clock (`CLOCK_MONOTONIC`).
        pub time: u64,
        /// The thread that ran (the kernel's pid). The table `task` has the thread's process and name.
        pub pid: u32,
        /// The CPU on which the thread ran.
        pub cpu: u16,
        /// The kind of the event: a number of the header's `kinds`.
        pub kind: u8,
        /// The physical address of the object (page frame number * page size + offset); 0 for NULL. With
        /// `raw_addresses`, or where the header has no `object_base`, it is an opaque number.
        pub object: u64,
        /// The place in the kernel's code that made the call: a number of the table `symbol`; 0 if unknown.
        pub call_site: u64,
        /// The bytes that were asked for (2^32-1 if more); for a slab cache, its `object_size`; 0 for a kfree.
        pub bytes_req: u32,
        /// The bytes of the object that was given out (2^32-1 if more); for a slab cache, its `size`; 0 for a kfree.
        pub bytes_alloc: u32,
        /// The GFP mask as the kernel reports it, to be decoded with the header's table; 0 for a free.
        pub gfp: u32,
        /// The NUMA node that was asked for; -1 if none was.
        pub node: i16,
        /// The `kmem_cache` of the object: a number of the table `cache`; 0 for kmalloc and kfree, and if unknown.
        pub cache: u16,
    }
}

table! {
    /// A move of a block of pages between the pcp lists, a zone's `free_area`, and the lists of other migratetypes.
    #[repr(C)]
    #[derive(Copy, AnyBitPattern)]
    pub struct FragEvent in "frag" {
        /// The time of the event, in ns of the header's clock (`CLOCK_MONOTONIC`).
        pub time: u64,
        /// The thread that ran (the kernel's pid). The table `task` has the thread's process and name.
        pub pid: u32,
        /// The CPU on which the thread ran.
        pub cpu: u16,
        /// The kind of the event: a number of the header's `kinds`.
        pub kind: u8,
        /// The order that was asked for: log2 of the number of pages.
        pub order: u8,
        /// The number of the first page frame.
        pub pfn: u64,
        /// The migratetype that was asked for, or, for `pcpu_drain`, that of the page's pcp list: an index into the
        /// header's `migratetypes`.
        pub migratetype: u8,
        /// The zone that holds `pfn`: an index into the header's `zones`; 255 if unknown.
        pub zone: u8,
        /// For `extfrag`, the order of the block that was taken; 255 for other kinds.
        pub fallback_order: u8,
        /// For `extfrag`, the migratetype of the list from which the block was taken; 255 for other kinds.
        pub fallback_migratetype: u8,
        /// For `extfrag`, 1 if the whole pageblock now has the migratetype that was asked for; 0 for other kinds.
        pub change_ownership: u8,
        /// For `zone_locked`, 1 if the block was for a pcp list; 0 for other kinds.
        pub percpu_refill: u8,
    }
}

table! {
    /// A step of the kernel's work to get free pages: reclaim, compaction, kswapd, the OOM killer. The event of a
    /// beginning and the event of its end have the same `pid`.
    #[repr(C)]
    #[derive(Copy, AnyBitPattern)]
    pub struct ReclaimEvent in "reclaim" {
        /// The time of the event, in ns of the header's clock (`CLOCK_MONOTONIC`).
        pub time: u64,
        /// The thread that ran (the kernel's pid). The table `task` has the thread's process and name.
        pub pid: u32,
        /// The CPU on which the thread ran.
        pub cpu: u16,
        /// The kind of the event: a number of the header's `kinds`.
        pub kind: u8,
        /// The order of the pages that are wanted; 255 where the kernel reports none.
        pub order: u8,
        /// The GFP mask of the allocation that wants the pages; 0 where the kernel reports none.
        pub gfp: u32,
        /// The NUMA node; -1 where the kernel reports none.
        pub node: i16,
        /// The zone: an index into the header's `zones`; 255 where the kernel reports none.
        pub zone: u8,
        /// For `compaction_begin` and `compaction_end`, the first page frame of the zone that is compacted; 2^64-1 for
        /// other kinds.
        pub pfn: u64,
        /// A value whose meaning depends on the kind. `direct_reclaim_end`: the number of pages reclaimed.
        /// `compaction_begin`: 1 if compaction may wait. `compaction_end`: the kernel's `enum compact_result`.
        /// `oom_victim`: the pid of the process. `try_to_compact`: the kernel's `enum compact_priority`. Other kinds:
        /// 0.
        pub value: i64,
    }
}

/// The greatest number of stack frames that are taken of a kernel stack.
pub const STACK_DEPTH: usize = 32;

/// A page event with its kernel stack, as it comes through the ring.
#[derive(Debug, Clone, Copy, AnyBitPattern)]
#[repr(C)]
pub struct StackedPageEvent {
    /// The event. Its `stack` is not set yet, because user space numbers the stacks.
    pub event: PageEvent,
    /// The number of bytes of `frames` that hold return addresses; negative if the kernel could not walk the stack.
    pub bytes: i64,
    /// The return addresses in the kernel's code, the innermost first.
    pub frames: [u64; STACK_DEPTH],
}

/// The process, name and cgroup that a thread has from `time` on. The record is emitted when a thread is created,
/// renamed (for example by `exec`), or moved to another cgroup.
#[derive(Debug, Clone, Copy, AnyBitPattern)]
#[repr(C)]
pub struct TaskRecord {
    /// The time of the record, in ns of `CLOCK_MONOTONIC`.
    pub time: u64,
    /// The thread that the record is about (the kernel's pid).
    pub pid: u32,
    /// The CPU on which the program ran.
    pub cpu: u16,
    /// The number of [`Kind::Task`].
    pub kind: u8,
    /// The number of the program that emitted the record: [`Program::TaskNew`], [`Program::TaskRename`] or
    /// [`Program::CgroupAttach`].
    pub program: u8,
    /// The process of the thread (the kernel's tgid); 0 if the thread was moved, or renamed by another thread.
    pub tgid: u32,
    /// The thread's name, which ends at the first 0 byte; empty if the thread was only moved.
    pub comm: [u8; 16],
    /// The kernel's number of the thread's cgroup (version 2); 0 if another thread renamed the thread.
    pub cgroup: u64,
}

/// The properties of a `struct kmem_cache` to which events of [`Kind::CacheAlloc`] and [`Kind::CacheFree`] point.
#[derive(Debug, Clone, Copy, AnyBitPattern)]
#[repr(C)]
pub struct CacheRecord {
    /// The time of the record, in ns of `CLOCK_MONOTONIC`.
    pub time: u64,
    /// The thread that ran (the kernel's pid).
    pub pid: u32,
    /// The CPU on which the thread ran.
    pub cpu: u16,
    /// The number of [`Kind::Cache`].
    pub kind: u8,
    /// The address of the `struct kmem_cache`.
    pub address: u64,
    /// The structure's field `object_size`: the bytes of an object that its users asked for.
    pub object_size: u32,
    /// The structure's field `size`: the bytes that an object takes, with padding and debugging fields.
    pub size: u32,
    /// The cache's name, which ends at the first 0 byte.
    pub name: [u8; 32],
}
