//! Where an allocation is made, and whether a mask belongs there (row T14 of the textbook).

use crate::Flags;

/// Where an allocation is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Context {
    /// A system call or kernel thread that may sleep.
    Process,
    /// Interrupt handler, softirq, tasklet, or code that holds a spinlock.
    Atomic,
    /// The block layer, or code the block layer waits for.
    Block,
    /// File-system code that holds locks reclaim could want.
    FileSystem,
}

/// Whether a mask is right for a context.
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
    /// Judges what a mask means.
    ///
    /// The kernel itself catches the impossible masks (`VM_BUG_ON` in `gfp_zone`, `VM_WARN_ON` in `gfp_migratetype`,
    /// `include/linux/gfp.h`) and sleeping in atomic context (`might_alloc`, `include/linux/sched/mm.h`). Recursion is
    /// found by lockdep only: `fs_reclaim_acquire` in `mm/page_alloc.c`.
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

    /// Why the mask must not be used, and what to use instead; `None` if it may be used.
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
