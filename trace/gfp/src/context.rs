//! The context in which an allocation is made, and whether a mask may be used in it (row T14 of the textbook).

use crate::Flags;

/// The context in which an allocation is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Context {
    /// A system call or a kernel thread that may sleep.
    Process,
    /// An interrupt handler, a softirq, a tasklet, or code that holds a spinlock.
    Atomic,
    /// The block layer, or code that the block layer waits for.
    Block,
    /// File-system code that holds locks which reclaim could want.
    FileSystem,
}

/// Whether a mask may be used in a context, and the reason if it may not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The mask may be used.
    Allowed,
    /// The request can sleep where sleeping is forbidden.
    SleepsInAtomic,
    /// Reclaim can start I/O while I/O waits for this allocation: recursion, then deadlock.
    IoRecursion,
    /// Reclaim can re-enter the file system under its own locks: recursion, then deadlock.
    FsRecursion,
    /// The zone bits exclude each other, which is wrong in every context.
    BadZoneBits,
    /// The page would be movable and reclaimable at once, which is wrong in every context.
    BadMobility,
}

impl Verdict {
    /// Returns the verdict on flags in a context.
    ///
    /// The kernel itself catches the impossible masks (`VM_BUG_ON` in `gfp_zone`, `VM_WARN_ON` in `gfp_migratetype`,
    /// `include/linux/gfp.h`) and sleeping in atomic context (`might_alloc`, `include/linux/sched/mm.h`). Only lockdep
    /// finds recursion: `fs_reclaim_acquire` in `mm/page_alloc.c`.
    pub const fn of(flags: Flags, context: Context) -> Self {
        if !flags.zone_is_possible() {
            return Self::BadZoneBits;
        }
        if !flags.mobility_is_possible() {
            return Self::BadMobility;
        }
        match context {
            Context::Atomic if flags.may_sleep() => Self::SleepsInAtomic,
            Context::Block if flags.may_io() => Self::IoRecursion,
            Context::FileSystem if flags.may_fs() => Self::FsRecursion,
            _ => Self::Allowed,
        }
    }

    /// Returns the reason why the mask must not be used and a mask to use instead; `None` if the mask may be used.
    pub const fn reason(self) -> Option<&'static str> {
        Some(match self {
            Self::Allowed => return None,
            Self::SleepsInAtomic => "direct reclaim can sleep, and atomic context cannot; use GFP_ATOMIC or GFP_NOWAIT",
            Self::IoRecursion => "reclaim may start I/O that waits for this very allocation; use GFP_NOIO",
            Self::FsRecursion => "reclaim may re-enter the file system under its own locks; use GFP_NOFS",
            Self::BadZoneBits => "the zone modifiers exclude each other",
            Self::BadMobility => "a page cannot be both movable and reclaimable",
        })
    }
}
