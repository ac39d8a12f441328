//! The kinds of records, and the eBPF programs that emit them, one per tracepoint.

/// Declares [`Kind`]: the numbers are part of the format, and the header repeats them by name.
macro_rules! kinds {
    ($( $(#[doc = $doc:literal])* $name:ident = $number:literal, $text:literal; )*) => {
        /// What a record is. The numbers are part of the format; the header repeats them by name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Kind {
            $( $(#[doc = $doc])* $name = $number, )*
        }

        impl Kind {
            /// Every kind, by number.
            pub const ALL: [Self; [$($number),*].len()] = [$(Self::$name),*];

            /// The name used in headers, reports and JSON keys.
            pub const fn name(self) -> &'static str {
                match self {
                    $( Self::$name => $text, )*
                }
            }

            /// The kind with this number; `None` for a number that this version does not know.
            pub const fn from_number(number: u8) -> Option<Self> {
                Some(match number {
                    $( $number => Self::$name, )*
                    _ => return None,
                })
            }
        }
    };
}

kinds! {
    /// `mm_page_alloc`: pages were asked for; `pfn` is [`NO_PFN`](crate::NO_PFN) where the kernel had none to give.
    PageAlloc = 1, "page_alloc";
    /// `mm_page_free`: pages went back to the allocator (perhaps to a pcp list first).
    PageFree = 2, "page_free";
    /// `kmalloc`: an object was asked for by its size.
    Kmalloc = 16, "kmalloc";
    /// `kfree`: an object was freed; the kernel tells no size.
    Kfree = 17, "kfree";
    /// `kmem_cache_alloc`: an object of a slab cache was asked for.
    CacheAlloc = 18, "cache_alloc";
    /// `kmem_cache_free`: an object went back to its slab cache.
    CacheFree = 19, "cache_free";
    /// `mm_page_alloc_zone_locked`: a block left a zone's `free_area`, for a pcp list or for the caller.
    ZoneLocked = 32, "zone_locked";
    /// `mm_page_pcpu_drain`: a page went from a pcp list back to its zone's `free_area`.
    PcpuDrain = 33, "pcpu_drain";
    /// `mm_page_alloc_extfrag`: a block was taken from another migratetype's list.
    ExtFrag = 34, "extfrag";
    /// `mm_vmscan_direct_reclaim_begin`: an allocation has to free pages itself.
    DirectReclaimBegin = 48, "direct_reclaim_begin";
    /// `mm_vmscan_direct_reclaim_end`: the allocation goes on, with the pages that it reclaimed.
    DirectReclaimEnd = 49, "direct_reclaim_end";
    /// `mm_vmscan_kswapd_wake`: kswapd starts to reclaim for an order.
    KswapdWake = 50, "kswapd_wake";
    /// `mm_vmscan_kswapd_sleep`: kswapd has nothing to do any more.
    KswapdSleep = 51, "kswapd_sleep";
    /// `mm_vmscan_wakeup_kswapd`: an allocation below the low watermark wakes kswapd.
    WakeupKswapd = 52, "wakeup_kswapd";
    /// `mm_compaction_begin`: the compaction of a zone begins.
    CompactionBegin = 53, "compaction_begin";
    /// `mm_compaction_end`: the compaction of a zone has ended.
    CompactionEnd = 54, "compaction_end";
    /// `mark_victim`: the OOM killer has chosen a process.
    OomVictim = 55, "oom_victim";
    /// `mm_compaction_try_to_compact_pages`: an allocation compacts zones itself, and waits for that.
    TryToCompact = 56, "try_to_compact";
    /// A [`TaskRecord`](crate::TaskRecord): stored as a row of the table `task`.
    Task = 64, "task";
    /// A [`CacheRecord`](crate::CacheRecord): stored as a row of the table `cache`.
    Cache = 65, "cache";
}

impl Kind {
    /// Whether a record of this kind is an event of the kernel, with a row in a table of events; the other kinds say
    /// what numbers in events mean.
    pub const fn is_event(self) -> bool {
        !matches!(self, Self::Task | Self::Cache)
    }
}

/// A family of events, which are asked for together and cost together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// pages allocated and freed
    Page,
    /// kmalloc and kfree
    Slab,
    /// the slab caches' own calls, `kmem_cache_alloc` and `kmem_cache_free`
    Cache,
    /// blocks that move between pcp lists, `free_area` and migratetypes
    Frag,
    /// reclaim, compaction, kswapd and the OOM killer
    Reclaim,
    /// threads that are made, renamed or moved: always recorded
    Task,
}

impl Family {
    /// The families that a user can ask for.
    pub const EVENTS: [Self; 5] = [Self::Page, Self::Slab, Self::Cache, Self::Frag, Self::Reclaim];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Slab => "slab",
            Self::Cache => "cache",
            Self::Frag => "frag",
            Self::Reclaim => "reclaim",
            Self::Task => "task",
        }
    }
}

/// Declares [`Program`]: name (in the eBPF object and in ledgers), kind of event, family, tracepoint.
macro_rules! programs {
    ($( $name:ident = $number:literal, $text:literal, $kind:ident, $family:ident, $group:literal : $tracepoint:literal; )*) => {
        /// The eBPF programs, one per tracepoint. Each has rows of its own in the ledger. The number is the program's
        /// index in the maps of the counters; it is in no file.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Program {
            $(
                #[doc = concat!("on `", $group, ":", $tracepoint, "`")]
                $name = $number,
            )*
        }

        impl Program {
            /// Every program, in the order of their numbers.
            pub const ALL: [Self; [$($number),*].len()] = [$(Self::$name),*];

            /// Its name in ledgers, and in the eBPF object (where the programs that count, and those with a second
            /// form, have a prefix to it).
            pub const fn name(self) -> &'static str {
                match self {
                    $( Self::$name => $text, )*
                }
            }

            /// The kind of record that it emits. Three programs emit [`Kind::Task`], whose records say which of them
            /// did.
            pub const fn kind(self) -> Kind {
                match self {
                    $( Self::$name => Kind::$kind, )*
                }
            }

            /// The family of its events.
            pub const fn family(self) -> Family {
                match self {
                    $( Self::$name => Family::$family, )*
                }
            }

            /// The tracepoint that the program is attached to: group and name.
            pub const fn tracepoint(self) -> (&'static str, &'static str) {
                match self {
                    $( Self::$name => ($group, $tracepoint), )*
                }
            }
        }
    };
}

programs! {
    PageAlloc = 0, "page_alloc", PageAlloc, Page, "kmem":"mm_page_alloc";
    PageFree = 1, "page_free", PageFree, Page, "kmem":"mm_page_free";
    Kmalloc = 2, "kmalloc", Kmalloc, Slab, "kmem":"kmalloc";
    Kfree = 3, "kfree", Kfree, Slab, "kmem":"kfree";
    TaskNew = 4, "task_newtask", Task, Task, "task":"task_newtask";
    TaskRename = 5, "task_rename", Task, Task, "task":"task_rename";
    CgroupAttach = 6, "cgroup_attach", Task, Task, "cgroup":"cgroup_attach_task";
    CacheAlloc = 7, "cache_alloc", CacheAlloc, Cache, "kmem":"kmem_cache_alloc";
    CacheFree = 8, "cache_free", CacheFree, Cache, "kmem":"kmem_cache_free";
    ZoneLocked = 9, "zone_locked", ZoneLocked, Frag, "kmem":"mm_page_alloc_zone_locked";
    PcpuDrain = 10, "pcpu_drain", PcpuDrain, Frag, "kmem":"mm_page_pcpu_drain";
    ExtFrag = 11, "extfrag", ExtFrag, Frag, "kmem":"mm_page_alloc_extfrag";
    DirectReclaimBegin = 12, "direct_reclaim_begin", DirectReclaimBegin, Reclaim, "vmscan":"mm_vmscan_direct_reclaim_begin";
    DirectReclaimEnd = 13, "direct_reclaim_end", DirectReclaimEnd, Reclaim, "vmscan":"mm_vmscan_direct_reclaim_end";
    KswapdWake = 14, "kswapd_wake", KswapdWake, Reclaim, "vmscan":"mm_vmscan_kswapd_wake";
    KswapdSleep = 15, "kswapd_sleep", KswapdSleep, Reclaim, "vmscan":"mm_vmscan_kswapd_sleep";
    WakeupKswapd = 16, "wakeup_kswapd", WakeupKswapd, Reclaim, "vmscan":"mm_vmscan_wakeup_kswapd";
    CompactionBegin = 17, "compaction_begin", CompactionBegin, Reclaim, "compaction":"mm_compaction_begin";
    CompactionEnd = 18, "compaction_end", CompactionEnd, Reclaim, "compaction":"mm_compaction_end";
    OomVictim = 19, "oom_victim", OomVictim, Reclaim, "oom":"mark_victim";
    TryToCompact = 20, "try_to_compact", TryToCompact, Reclaim, "compaction":"mm_compaction_try_to_compact_pages";
}

impl Program {
    /// The program that emits this kind of event; `None` for the kinds that are no events.
    pub const fn of(kind: Kind) -> Option<Self> {
        const OF_KIND: [Option<Program>; 256] = {
            let (mut table, mut number) = ([None; 256], 0);
            while number < Program::ALL.len() {
                let program = Program::ALL[number];
                if program.kind().is_event() {
                    table[program.kind() as usize] = Some(program);
                }
                number += 1;
            }
            table
        };
        OF_KIND[kind as usize]
    }
}
