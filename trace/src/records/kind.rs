//! The kinds of records, and the eBPF programs that emit them. There is one program per tracepoint.

/// Declares [`Kind`] from a list of names, numbers and texts.
macro_rules! kinds {
    ($( $(#[doc = $doc:literal])* $name:ident = $number:literal, $text:literal; )*) => {
        /// The kind of a record. The numbers are part of the format, and the header of a trace lists them by name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Kind {
            $( $(#[doc = $doc])* $name = $number, )*
        }

        impl Kind {
            /// All kinds, in the order of their numbers.
            pub const ALL: [Self; [$($number),*].len()] = [$(Self::$name),*];

            /// Returns the kind's name in headers, reports and JSON keys.
            pub const fn name(self) -> &'static str {
                match self {
                    $( Self::$name => $text, )*
                }
            }

            /// Returns the kind with this number, or `None` if this version does not know the number.
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
    /// `mm_page_alloc`: pages were asked for. The `pfn` is [`NO_PFN`](crate::NO_PFN) where the kernel had no pages to
    /// give.
    PageAlloc = 1, "page_alloc";
    /// `mm_page_free`: pages went back to the allocator, to a pcp list or to a zone's `free_area`.
    PageFree = 2, "page_free";
    /// `kmalloc`: an object was asked for by its size.
    Kmalloc = 16, "kmalloc";
    /// `kfree`: an object was freed. The kernel does not report the object's size.
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
    /// `mm_vmscan_direct_reclaim_end`: an allocation has ended its reclaim and goes on.
    DirectReclaimEnd = 49, "direct_reclaim_end";
    /// `mm_vmscan_kswapd_wake`: kswapd starts to reclaim for an order.
    KswapdWake = 50, "kswapd_wake";
    /// `mm_vmscan_kswapd_sleep`: kswapd has nothing left to do and goes to sleep.
    KswapdSleep = 51, "kswapd_sleep";
    /// `mm_vmscan_wakeup_kswapd`: an allocation below the low watermark wakes kswapd.
    WakeupKswapd = 52, "wakeup_kswapd";
    /// `mm_compaction_begin`: the compaction of a zone begins.
    CompactionBegin = 53, "compaction_begin";
    /// `mm_compaction_end`: the compaction of a zone has ended.
    CompactionEnd = 54, "compaction_end";
    /// `mark_victim`: the OOM killer has chosen a process.
    OomVictim = 55, "oom_victim";
    /// `mm_compaction_try_to_compact_pages`: an allocation starts to compact zones itself (direct compaction).
    TryToCompact = 56, "try_to_compact";
    /// A [`TaskRecord`](crate::TaskRecord), which is stored as a row of the table `task`.
    Task = 64, "task";
    /// A [`CacheRecord`](crate::CacheRecord), which is stored as a row of the table `cache`.
    Cache = 65, "cache";
}

impl Kind {
    /// Returns whether a record of this kind is an event of the kernel, with a row in a table of events. Records of the
    /// other kinds say what the numbers in events stand for.
    pub const fn is_event(self) -> bool {
        !matches!(self, Self::Task | Self::Cache)
    }
}

/// A family of events, which a user switches on as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// Allocations and frees of pages.
    Page,
    /// Calls of `kmalloc` and `kfree`.
    Slab,
    /// Calls of the slab caches' own functions, `kmem_cache_alloc` and `kmem_cache_free`.
    Cache,
    /// Moves of blocks between pcp lists, `free_area` and migratetypes.
    Frag,
    /// Reclaim, compaction, kswapd and the OOM killer.
    Reclaim,
    /// Threads that are created, renamed or moved to another cgroup. These events are always recorded.
    Task,
}

impl Family {
    /// The families that a user can ask for.
    pub const EVENTS: [Self; 5] = [Self::Page, Self::Slab, Self::Cache, Self::Frag, Self::Reclaim];

    /// Returns the family's name on the command line.
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

/// Declares [`Program`] from a list of names (in the eBPF object and in ledgers), kinds of record, families and
/// tracepoints.
macro_rules! programs {
    ($( $name:ident = $number:literal, $text:literal, $kind:ident, $family:ident, $group:literal : $tracepoint:literal; )*) => {
        /// The eBPF programs, one per tracepoint. Each program has rows of its own in the ledger. The number is the
        /// program's index in the maps of counters, and is not part of the trace format.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Program {
            $(
                #[doc = concat!("The program on `", $group, ":", $tracepoint, "`.")]
                $name = $number,
            )*
        }

        impl Program {
            /// All programs, in the order of their numbers.
            pub const ALL: [Self; [$($number),*].len()] = [$(Self::$name),*];

            /// Returns the program's name in ledgers and in the eBPF object. In the object, the names of programs that
            /// count, and of the second form of a program, have a prefix.
            pub const fn name(self) -> &'static str {
                match self {
                    $( Self::$name => $text, )*
                }
            }

            /// Returns the kind of record that the program emits. Three programs emit [`Kind::Task`]; the record's
            /// field `program` tells them apart.
            pub const fn kind(self) -> Kind {
                match self {
                    $( Self::$name => Kind::$kind, )*
                }
            }

            /// Returns the family of the program's events.
            pub const fn family(self) -> Family {
                match self {
                    $( Self::$name => Family::$family, )*
                }
            }

            /// Returns the group and the name of the tracepoint to which the program is attached.
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
    /// Returns the program that emits this kind of event, or `None` for a kind that is not an event.
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
