//! The event records: what an eBPF program puts into the ring is, byte for byte, what a row of the table says.
//!
//! All records start with `time, pid, cpu, kind`, so a reader of the ring knows from [`Kind`] what follows. They are `repr(C)` with
//! an alignment of 8, which is what the kernel's ring buffer guarantees.

use bytemuck::AnyBitPattern;

/// The `pfn` of an allocation that failed, as the kernel reports it (`-1UL` in `mm_page_alloc`).
pub const NO_PFN: u64 = u64::MAX;
/// The `zone` of a frame that lies in none of the header's zones, or of an allocation that failed.
pub const UNKNOWN_ZONE: u8 = u8::MAX;

/// What a record is. The numbers are part of the format; the header repeats them by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// `mm_page_alloc`: pages were requested; `pfn` is [`NO_PFN`] where the kernel had none to give.
    PageAlloc = 1,
    /// `mm_page_free`: pages went back to the allocator (perhaps to a pcp list first).
    PageFree = 2,
    /// `kmalloc`
    Kmalloc = 16,
    /// `kfree`: the kernel reports no size.
    Kfree = 17,
    /// `kmem_cache_alloc`
    CacheAlloc = 18,
    /// `kmem_cache_free`
    CacheFree = 19,
    /// A [`TaskRecord`]: never stored as it is, but as a row of the table `task`.
    Task = 64,
}

/// What became of the events of one program on one CPU, as the eBPF side counts it: exactly, for it counts on its own CPU.
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

impl Kind {
    /// Every kind that is stored in an event table.
    pub const EVENTS: [Self; 6] = [Self::PageAlloc, Self::PageFree, Self::Kmalloc, Self::Kfree, Self::CacheAlloc, Self::CacheFree];

    /// The name used in headers, reports and JSON keys.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PageAlloc => "page_alloc",
            Self::PageFree => "page_free",
            Self::Kmalloc => "kmalloc",
            Self::Kfree => "kfree",
            Self::CacheAlloc => "cache_alloc",
            Self::CacheFree => "cache_free",
            Self::Task => "task",
        }
    }

    /// The kind with this number, if there is one.
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::PageAlloc,
            2 => Self::PageFree,
            16 => Self::Kmalloc,
            17 => Self::Kfree,
            18 => Self::CacheAlloc,
            19 => Self::CacheFree,
            64 => Self::Task,
            _ => return None,
        })
    }
}

/// The eBPF programs, one per tracepoint: each has its own line in the ledger. The number indexes the programs' counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Program {
    /// on `kmem:mm_page_alloc`
    PageAlloc = 0,
    /// on `kmem:mm_page_free`
    PageFree = 1,
    /// on `kmem:kmalloc`
    Kmalloc = 2,
    /// on `kmem:kfree`
    Kfree = 3,
    /// on `task:task_newtask`: emits [`TaskRecord`]s
    TaskNew = 4,
    /// on `task:task_rename`: emits [`TaskRecord`]s
    TaskRename = 5,
}

impl Program {
    /// Every program, in the order of their numbers.
    pub const ALL: [Self; 6] = [Self::PageAlloc, Self::PageFree, Self::Kmalloc, Self::Kfree, Self::TaskNew, Self::TaskRename];

    /// Its name in ledgers, and in the eBPF object.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PageAlloc => "page_alloc",
            Self::PageFree => "page_free",
            Self::Kmalloc => "kmalloc",
            Self::Kfree => "kfree",
            Self::TaskNew => "task_newtask",
            Self::TaskRename => "task_rename",
        }
    }

    /// The program that emits this kind of event; tasks come from two programs, their records say which.
    pub const fn of(kind: Kind) -> Option<Self> {
        Some(match kind {
            Kind::PageAlloc => Self::PageAlloc,
            Kind::PageFree => Self::PageFree,
            Kind::Kmalloc => Self::Kmalloc,
            Kind::Kfree => Self::Kfree,
            Kind::CacheAlloc | Kind::CacheFree | Kind::Task => return None,
        })
    }

    /// The tracepoint that the program is attached to: group and name.
    pub const fn tracepoint(self) -> (&'static str, &'static str) {
        match self {
            Self::PageAlloc => ("kmem", "mm_page_alloc"),
            Self::PageFree => ("kmem", "mm_page_free"),
            Self::Kmalloc => ("kmem", "kmalloc"),
            Self::Kfree => ("kmem", "kfree"),
            Self::TaskNew => ("task", "task_newtask"),
            Self::TaskRename => ("task", "task_rename"),
        }
    }
}

table! {
    /// Pages allocated or freed: 2^`order` frames from `pfn` on.
    #[repr(C)]
    #[derive(Copy, AnyBitPattern)]
    pub struct PageEvent in "page" {
        /// when, in ns of the header's clock (`CLOCK_MONOTONIC`)
        pub time: u64,
        /// the thread that ran (the kernel's pid; in an interrupt, the interrupted thread); `task` has its process and name
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
        /// physical address of the object (page frame number * page size + offset); 0 for NULL; with `raw_addresses`, or where the header has no `object_base`, an opaque number
        pub object: u64,
        /// who called: a row of `symbol`; 0 if unknown
        pub call_site: u64,
        /// bytes asked for (2^32-1 if more); 0 for a free
        pub bytes_req: u32,
        /// bytes of the object that was given out; 0 for a free
        pub bytes_alloc: u32,
        /// GFP mask as the kernel reports it; 0 for a free
        pub gfp: u32,
        /// NUMA node that was asked for; -1 if none was
        pub node: i16,
        /// number of the `kmem_cache`; 0 for kmalloc and kfree
        pub cache: u16,
    }
}

/// Says which process and name a `pid` has from now on: a thread was made, or renamed (by `exec`, say).
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
    /// [`Program::TaskNew`] or [`Program::TaskRename`]
    pub program: u8,
    /// its process
    pub tgid: u32,
    /// its name, ended by the first 0
    pub comm: [u8; 16],
}
