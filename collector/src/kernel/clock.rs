//! The kernel's monotonic clock, by which all events are ordered.

use std::time::{SystemTime, UNIX_EPOCH};

/// Returns the present time in ns of `CLOCK_MONOTONIC`, the clock that `bpf_ktime_get_ns` reads for the events.
pub fn monotonic_ns() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a live timespec. std's Instant uses the same clock but does not expose its value.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// Returns the present time in ns since the Unix epoch.
pub(super) fn utc_ns() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as i64)
}
