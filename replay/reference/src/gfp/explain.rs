//! Which mask belongs in which context, and why (row T14 of the textbook).

use alloc::vec::Vec;

use super::{Flags, Gfp, GfpTable, gfp_migratetype, gfp_zone};
use crate::ZoneType;

/// Where the allocation is made.
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

/// Whether the mask is right for the context.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Allowed.
    Allowed,
    /// Can sleep where sleeping is forbidden.
    SleepsInAtomic,
    /// Can start I/O while I/O waits for this allocation: recursion, then deadlock.
    IoRecursion,
    /// Can re-enter the file system under its own locks: recursion, then deadlock.
    FsRecursion,
    /// The zone bits exclude each other.
    BadZoneBits,
    /// Movable and reclaimable at once.
    BadMobility,
}

impl Verdict {
    /// One sentence for a person.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::SleepsInAtomic => {
                "a bug: direct reclaim can sleep, and atomic context cannot; use GFP_ATOMIC or GFP_NOWAIT"
            }
            Self::IoRecursion => "a bug: reclaim may start I/O that waits for this very allocation; use GFP_NOIO",
            Self::FsRecursion => "a bug: reclaim may re-enter the file system under its own locks; use GFP_NOFS",
            Self::BadZoneBits => "a bug: the zone modifiers exclude each other",
            Self::BadMobility => "a bug: a page cannot be both movable and reclaimable",
        }
    }
}

/// What a mask allows, in a context.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each answers a question of its own")]
pub struct Explanation {
    /// Right or wrong for the context.
    pub verdict: Verdict,
    /// Highest zone the request may use; `None` when the zone bits are illegal.
    pub zone: Option<ZoneType>,
    /// May sleep: has direct reclaim.
    pub may_sleep: bool,
    /// May start block I/O.
    pub may_io: bool,
    /// May call file systems.
    pub may_fs: bool,
    /// Wakes kswapd when memory is low.
    pub wakes_kswapd: bool,
    /// May dip into the emergency reserve below the minimum watermark.
    pub uses_reserve: bool,
    /// Never reported as failed.
    pub never_fails: bool,
    /// Things that are legal and yet worth a look.
    pub remarks: Vec<&'static str>,
}

impl GfpTable {
    /// What `gfp` allows, and whether it may be used in `context`.
    pub fn explain(&self, gfp: Gfp, context: Context) -> Explanation {
        let flags = self.flags(gfp);
        let may_sleep = flags.contains(Flags::DIRECT_RECLAIM);
        let may_io = may_sleep && flags.contains(Flags::IO);
        let may_fs = may_sleep && flags.contains(Flags::FS);
        let zone = gfp_zone(flags).ok();
        let verdict = if zone.is_none() {
            Verdict::BadZoneBits
        } else if gfp_migratetype(flags).is_none() {
            Verdict::BadMobility
        } else {
            match context {
                Context::Atomic if may_sleep => Verdict::SleepsInAtomic,
                Context::Block if may_io => Verdict::IoRecursion,
                Context::FileSystem if may_fs => Verdict::FsRecursion,
                _ => Verdict::Allowed,
            }
        };
        Explanation {
            verdict,
            zone,
            may_sleep,
            may_io,
            may_fs,
            wakes_kswapd: flags.contains(Flags::KSWAPD_RECLAIM),
            uses_reserve: flags.intersects(Flags::HIGH | Flags::MEMALLOC) && !flags.contains(Flags::NOMEMALLOC),
            never_fails: flags.contains(Flags::NOFAIL) && may_sleep,
            remarks: remarks(flags.without(self.implied()), context),
        }
    }
}

fn remarks(flags: Flags, context: Context) -> Vec<&'static str> {
    let sleeps = flags.contains(Flags::DIRECT_RECLAIM);
    let all = [
        (
            flags.contains(Flags::NOFAIL) && !sleeps,
            "NOFAIL without direct reclaim cannot be honoured: the request can still fail",
        ),
        (flags.contains(Flags::NOFAIL) && flags.contains(Flags::NORETRY), "NOFAIL and NORETRY contradict each other"),
        (
            flags.contains(Flags::DMA) && !flags.intersects(Flags::RECLAIM | Flags::HIGH),
            "GFP_DMA is only a zone: give it a context flag beside it, such as GFP_KERNEL or GFP_ATOMIC",
        ),
        (flags.contains(Flags::HIGHMEM), "a page from high memory has no address until it is mapped: alloc_pages only"),
        (
            context == Context::Process && !sleeps,
            "this context may sleep: without direct reclaim the request fails where it need not",
        ),
        (flags.intersects(Flags::IO | Flags::FS) && !sleeps, "IO and FS mean nothing without direct reclaim"),
    ];
    all.into_iter().filter_map(|(applies, text)| applies.then_some(text)).collect()
}
