//! Counters over all zones.

/// Counters over all zones, in the words of `/proc/vmstat`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Requests served.
    pub allocs: u64,
    /// Blocks freed.
    pub frees: u64,
    /// Requests that failed.
    pub failures: u64,
    /// Requests that missed the low mark in every zone.
    pub slowpath: u64,
    /// Wake-ups of kswapd.
    pub kswapd_wakeups: u64,
    /// Direct reclaims (`allocstall`).
    pub allocstall: u64,
    /// Direct compactions (`compact_stall`).
    pub compact_stall: u64,
    /// Times the OOM killer was asked.
    pub oom: u64,
    /// Pages zeroed.
    pub zeroed: u64,
}
