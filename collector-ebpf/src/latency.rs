//! How long tasks waited for pages: from the beginning to the end of a direct reclaim, and of a compaction of a zone. A
//! task does one of them at a time, and a beginning and its end may be on different CPUs.

use aya_ebpf::{
    btf_maps::{HashMap, PerCpuArray},
    helpers::{bpf_get_current_comm, bpf_ktime_get_ns},
    macros::{btf_map, raw_tracepoint},
    programs::RawTracePointContext,
};
use trace::{Latency, Wait};

use crate::filter::Current;

/// When the thread (by pid, and what it does) began. Who finds no room has an end without a beginning, which is
/// counted.
#[btf_map]
static BEGUN: HashMap<u64, u64, 8192> = HashMap::new();

/// By [`Wait`].
#[btf_map]
static LATENCIES: PerCpuArray<Latency, { Wait::ALL.len() }> = PerCpuArray::new();

/// `mm_vmscan_direct_reclaim_begin(int order, gfp_t gfp_flags)`
#[raw_tracepoint(tracepoint = "mm_vmscan_direct_reclaim_begin")]
pub fn latency_direct_reclaim_begin(_: RawTracePointContext) -> i32 {
    begin(Wait::DirectReclaim);
    0
}

/// `mm_vmscan_direct_reclaim_end(unsigned long nr_reclaimed)`
#[raw_tracepoint(tracepoint = "mm_vmscan_direct_reclaim_end")]
pub fn latency_direct_reclaim_end(_: RawTracePointContext) -> i32 {
    end(Wait::DirectReclaim, || Wait::DirectReclaim);
    0
}

/// `mm_compaction_begin(struct compact_control *cc, unsigned long zone_start, unsigned long zone_end, bool sync)`
#[raw_tracepoint(tracepoint = "mm_compaction_begin")]
pub fn latency_compaction_begin(_: RawTracePointContext) -> i32 {
    begin(Wait::Compaction);
    0
}

/// `mm_compaction_end(struct compact_control *cc, unsigned long zone_start, unsigned long zone_end, bool sync, int
/// status)`
#[raw_tracepoint(tracepoint = "mm_compaction_end")]
pub fn latency_compaction_end(_: RawTracePointContext) -> i32 {
    // The kernel's thread is named after its node: `kcompactd0` (mm/compaction.c, kcompactd_run).
    let is_kcompactd = || bpf_get_current_comm().is_ok_and(|name| name.starts_with(b"kcompactd"));
    end(Wait::Compaction, || if is_kcompactd() { Wait::Kcompactd } else { Wait::Compaction });
    0
}

#[inline(always)]
fn slot(current: Current, wait: Wait) -> u64 {
    u64::from(current.pid) << 8 | wait as u64
}

#[inline(always)]
fn begin(wait: Wait) {
    let current = Current::get();
    if current.wanted() {
        // SAFETY: reads a clock.
        let now = unsafe { bpf_ktime_get_ns() };
        let _full = BEGUN.insert(slot(current, wait), now, 0);
    }
}

#[inline(always)]
fn end(begun: Wait, wait: impl FnOnce() -> Wait) {
    let current = Current::get();
    if !current.wanted() {
        return;
    }
    // SAFETY: reads a clock.
    let now = unsafe { bpf_ktime_get_ns() };
    let slot = slot(current, begun);
    // SAFETY: the value is copied at once, and only this thread removes it.
    let began = unsafe { BEGUN.get(slot) }.copied();
    let Some(latency) = LATENCIES.get_ptr_mut(wait() as u32) else { return };
    // SAFETY: this CPU's own copy; only the program of this tracepoint writes to it, and it does not interrupt itself.
    let latency = unsafe { &mut *latency };
    match began {
        Some(began) => {
            latency.record(now.saturating_sub(began));
            let _gone = BEGUN.remove(slot);
        }
        None => latency.unpaired += 1,
    }
}
