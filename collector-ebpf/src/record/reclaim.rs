//! The programs for what the kernel does to get pages: fallbacks to other migratetypes, reclaim, compaction, kswapd,
//! the OOM killer. They read ftrace's records, which cost more than the arguments but on all kernels hold a value that
//! the arguments do not (`change_ownership`). The cost does not matter, because these events are rare.

use aya_ebpf::{macros::tracepoint, programs::TracePointContext};
use trace::{FragEvent, Kind, NO_ORDER, NO_PFN, Program, UNKNOWN_ZONE};

use crate::{
    filter::order_wanted,
    record::events::{Reclaim, reclaim},
    record::tracepoint::field,
    ring::{Common, emit_with_own},
    settings::settings,
};

settings! {
    /// The byte offsets of fields in ftrace's records, from the kernel's `format` files. The names have the form
    /// `PROGRAM_FIELD`.
    EXTFRAG_PFN: u32;
    EXTFRAG_ALLOC_ORDER: u32;
    EXTFRAG_FALLBACK_ORDER: u32;
    EXTFRAG_ALLOC_MIGRATETYPE: u32;
    EXTFRAG_FALLBACK_MIGRATETYPE: u32;
    EXTFRAG_CHANGE_OWNERSHIP: u32;
    DIRECT_RECLAIM_BEGIN_ORDER: u32;
    DIRECT_RECLAIM_BEGIN_GFP_FLAGS: u32;
    DIRECT_RECLAIM_END_NR_RECLAIMED: u32;
    KSWAPD_WAKE_NID: u32;
    KSWAPD_WAKE_ZID: u32;
    KSWAPD_WAKE_ORDER: u32;
    KSWAPD_SLEEP_NID: u32;
    WAKEUP_KSWAPD_NID: u32;
    WAKEUP_KSWAPD_ZID: u32;
    WAKEUP_KSWAPD_ORDER: u32;
    WAKEUP_KSWAPD_GFP_FLAGS: u32;
    COMPACTION_BEGIN_ZONE_START: u32;
    COMPACTION_BEGIN_SYNC: u32;
    COMPACTION_END_ZONE_START: u32;
    COMPACTION_END_STATUS: u32;
    OOM_VICTIM_PID: u32;
    TRY_TO_COMPACT_ORDER: u32;
    TRY_TO_COMPACT_GFP_MASK: u32;
    TRY_TO_COMPACT_PRIO: u32;
}

/// The values for the fields that a tracepoint does not report.
const NOTHING: Reclaim = Reclaim { order: NO_ORDER, gfp: 0, node: -1, zone: UNKNOWN_ZONE, pfn: NO_PFN, value: 0 };

#[tracepoint]
pub fn extfrag(ctx: TracePointContext) -> u32 {
    let order = field::<u32>(&ctx, &EXTFRAG_ALLOC_ORDER);
    emit_with_own(Program::ExtFrag, order_wanted(order), |Common { time, pid, cpu }| FragEvent {
        time,
        pid,
        cpu,
        kind: Kind::ExtFrag as u8,
        order: order as u8,
        pfn: field(&ctx, &EXTFRAG_PFN),
        migratetype: field::<u32>(&ctx, &EXTFRAG_ALLOC_MIGRATETYPE) as u8,
        zone: UNKNOWN_ZONE,
        fallback_order: field::<u32>(&ctx, &EXTFRAG_FALLBACK_ORDER) as u8,
        fallback_migratetype: field::<u32>(&ctx, &EXTFRAG_FALLBACK_MIGRATETYPE) as u8,
        change_ownership: field::<u32>(&ctx, &EXTFRAG_CHANGE_OWNERSHIP) as u8,
        percpu_refill: 0,
    });
    0
}

#[tracepoint]
pub fn direct_reclaim_begin(ctx: TracePointContext) -> u32 {
    let (order, gfp) =
        (field::<u32>(&ctx, &DIRECT_RECLAIM_BEGIN_ORDER) as u8, field(&ctx, &DIRECT_RECLAIM_BEGIN_GFP_FLAGS));
    reclaim(Program::DirectReclaimBegin, Reclaim { order, gfp, ..NOTHING });
    0
}

#[tracepoint]
pub fn direct_reclaim_end(ctx: TracePointContext) -> u32 {
    reclaim(Program::DirectReclaimEnd, Reclaim { value: field(&ctx, &DIRECT_RECLAIM_END_NR_RECLAIMED), ..NOTHING });
    0
}

#[tracepoint]
pub fn kswapd_wake(ctx: TracePointContext) -> u32 {
    let (node, zone) = (field::<i32>(&ctx, &KSWAPD_WAKE_NID) as i16, field::<u32>(&ctx, &KSWAPD_WAKE_ZID) as u8);
    reclaim(
        Program::KswapdWake,
        Reclaim { node, zone, order: field::<u32>(&ctx, &KSWAPD_WAKE_ORDER) as u8, ..NOTHING },
    );
    0
}

#[tracepoint]
pub fn kswapd_sleep(ctx: TracePointContext) -> u32 {
    reclaim(Program::KswapdSleep, Reclaim { node: field::<i32>(&ctx, &KSWAPD_SLEEP_NID) as i16, ..NOTHING });
    0
}

#[tracepoint]
pub fn wakeup_kswapd(ctx: TracePointContext) -> u32 {
    let (node, zone) = (field::<i32>(&ctx, &WAKEUP_KSWAPD_NID) as i16, field::<u32>(&ctx, &WAKEUP_KSWAPD_ZID) as u8);
    let (order, gfp) = (field::<u32>(&ctx, &WAKEUP_KSWAPD_ORDER) as u8, field(&ctx, &WAKEUP_KSWAPD_GFP_FLAGS));
    reclaim(Program::WakeupKswapd, Reclaim { node, zone, order, gfp, ..NOTHING });
    0
}

#[tracepoint]
pub fn compaction_begin(ctx: TracePointContext) -> u32 {
    let (pfn, sync) = (field(&ctx, &COMPACTION_BEGIN_ZONE_START), field::<u8>(&ctx, &COMPACTION_BEGIN_SYNC));
    reclaim(Program::CompactionBegin, Reclaim { pfn, value: sync.into(), ..NOTHING });
    0
}

#[tracepoint]
pub fn compaction_end(ctx: TracePointContext) -> u32 {
    let (pfn, status) = (field(&ctx, &COMPACTION_END_ZONE_START), field::<i32>(&ctx, &COMPACTION_END_STATUS));
    reclaim(Program::CompactionEnd, Reclaim { pfn, value: status.into(), ..NOTHING });
    0
}

#[tracepoint]
pub fn oom_victim(ctx: TracePointContext) -> u32 {
    reclaim(Program::OomVictim, Reclaim { value: field::<i32>(&ctx, &OOM_VICTIM_PID).into(), ..NOTHING });
    0
}

#[tracepoint]
pub fn try_to_compact(ctx: TracePointContext) -> u32 {
    let (order, gfp) = (field::<u32>(&ctx, &TRY_TO_COMPACT_ORDER) as u8, field(&ctx, &TRY_TO_COMPACT_GFP_MASK));
    reclaim(
        Program::TryToCompact,
        Reclaim { order, gfp, value: field::<i32>(&ctx, &TRY_TO_COMPACT_PRIO).into(), ..NOTHING },
    );
    0
}
