//! The counters over all zones.

/// The counters over all zones, with the names of `/proc/vmstat` where it has them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// The requests served.
    pub allocs: u64,
    /// The blocks freed.
    pub frees: u64,
    /// The requests that failed.
    pub failures: u64,
    /// The requests that found every zone below its low mark.
    pub slowpath: u64,
    /// The wake-ups of kswapd.
    pub kswapd_wakeups: u64,
    /// The direct reclaims (`allocstall`).
    pub allocstall: u64,
    /// The direct compactions (`compact_stall`).
    pub compact_stall: u64,
    /// The calls of the OOM killer.
    pub oom: u64,
    /// The pages zeroed.
    pub zeroed: u64,
}
