//! The programs that measure how long the kernel takes to free pages: the time from the beginning to the end of a
//! direct reclaim, and of the compaction of a zone. A task does one of the two at a time. Its beginning and its end may
//! be on different CPUs.

use aya_ebpf::{
    btf_maps::{HashMap, PerCpuArray},
    helpers::{bpf_get_current_comm, bpf_ktime_get_ns},
    macros::{btf_map, raw_tracepoint},
    programs::RawTracePointContext,
};
use trace::{Latency, Wait};

use crate::filter::Current;

/// The times at which threads began to wait, in ns of `CLOCK_MONOTONIC`, by [`begun_key`]. If the map has no room for a
/// beginning, the end finds none and is counted as `unpaired`.
#[btf_map]
static BEGUN: HashMap<u64, u64, 8192> = HashMap::new();

/// The histograms, by [`Wait`].
#[btf_map]
static LATENCIES: PerCpuArray<Latency, { Wait::ALL.len() }> = PerCpuArray::new();

/// Runs at `mm_vmscan_direct_reclaim_begin(int order, gfp_t gfp_flags)`.
#[raw_tracepoint(tracepoint = "mm_vmscan_direct_reclaim_begin")]
pub fn latency_direct_reclaim_begin(_: RawTracePointContext) -> i32 {
    begin(Wait::DirectReclaim);
    0
}

/// Runs at `mm_vmscan_direct_reclaim_end(unsigned long nr_reclaimed)`.
#[raw_tracepoint(tracepoint = "mm_vmscan_direct_reclaim_end")]
pub fn latency_direct_reclaim_end(_: RawTracePointContext) -> i32 {
    end(Wait::DirectReclaim, || Wait::DirectReclaim);
    0
}

/// Runs at `mm_compaction_begin(struct compact_control *cc, unsigned long zone_start, unsigned long zone_end, bool
/// sync)`.
#[raw_tracepoint(tracepoint = "mm_compaction_begin")]
pub fn latency_compaction_begin(_: RawTracePointContext) -> i32 {
    begin(Wait::Compaction);
    0
}

/// Runs at `mm_compaction_end(struct compact_control *cc, unsigned long zone_start, unsigned long zone_end, bool sync,
/// int status)`.
#[raw_tracepoint(tracepoint = "mm_compaction_end")]
pub fn latency_compaction_end(_: RawTracePointContext) -> i32 {
    // The kernel's own compaction threads are named after their NUMA node, as `kcompactd0` (mm/compaction.c,
    // kcompactd_run).
    let is_kcompactd = || bpf_get_current_comm().is_ok_and(|name| name.starts_with(b"kcompactd"));
    end(Wait::Compaction, || if is_kcompactd() { Wait::Kcompactd } else { Wait::Compaction });
    0
}

/// Returns the key in [`BEGUN`], which consists of the thread's pid and the operation.
#[inline(always)]
fn begun_key(current: Current, wait: Wait) -> u64 {
    u64::from(current.pid) << 8 | wait as u64
}

/// Stores the time at which this thread began to wait.
#[inline(always)]
fn begin(wait: Wait) {
    let current = Current::get();
    if current.wanted() {
        // SAFETY: the helper only reads a clock.
        let now = unsafe { bpf_ktime_get_ns() };
        let _full = BEGUN.insert(begun_key(current, wait), now, 0);
    }
}

/// Adds the time since this thread began the operation `begun` to the histogram of `wait()`.
#[inline(always)]
fn end(begun: Wait, wait: impl FnOnce() -> Wait) {
    let current = Current::get();
    if !current.wanted() {
        return;
    }
    // SAFETY: the helper only reads a clock.
    let now = unsafe { bpf_ktime_get_ns() };
    let key = begun_key(current, begun);
    // SAFETY: the value is copied at once, and only this thread removes it.
    let began = unsafe { BEGUN.get(key) }.copied();
    let Some(latency) = LATENCIES.get_ptr_mut(wait() as u32) else { return };
    // SAFETY: this is this CPU's own copy of the histogram; only the program of this tracepoint writes to it, and the
    // kernel keeps the program from interrupting itself.
    let latency = unsafe { &mut *latency };
    match began {
        Some(began) => {
            latency.record(now.saturating_sub(began));
            let _gone = BEGUN.remove(key);
        }
        None => latency.unpaired += 1,
    }
}
