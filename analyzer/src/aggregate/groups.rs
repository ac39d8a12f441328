//! What grouping events comes to: the groups, and what is counted for each.

use crate::Key;

/// What is counted for each group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// allocations that succeeded
    pub allocs: i64,
    /// free events: those of these allocations, and unmatched ones
    pub frees: i64,
    /// bytes allocated
    pub alloc_bytes: i64,
    /// bytes that were asked for; differs from `alloc_bytes` for kernel objects only
    pub requested_bytes: i64,
    /// bytes freed by the free events; unknown (0) for an unmatched free of a kernel object
    pub free_bytes: i64,
    /// allocations that failed
    pub failures: i64,
    /// failures for which there were pages, but the memory cgroup of who asked was at its limit
    pub refusals: i64,
    /// frees of what was allocated before the trace, or by an event that the trace lacks
    pub unmatched_frees: i64,
    /// `kfree(NULL)`: calls that free nothing, and are no `frees`
    pub null_frees: i64,
    /// frees that must have happened, since the memory was given out again, but that the trace lacks
    pub implied_frees: i64,
    /// bytes allocated in the trace and not freed when it ends
    pub live: i64,
    /// greatest value that `live` ever had
    pub peak_live: i64,
}

impl Counts {
    /// Returns what groups are sorted by: bytes allocated, then freed, then events.
    pub(super) fn volume(&self) -> (i64, i64, i64) {
        (self.alloc_bytes, self.free_bytes, self.allocs + self.failures + self.frees)
    }
}

/// Events by some keys: one group per combination of values that occurs, greatest first.
#[derive(Debug, Clone)]
pub struct Grouping {
    /// the keys
    pub by: Vec<Key>,
    /// the groups
    pub groups: Vec<Group>,
}

/// One combination of values.
#[derive(Debug, Clone)]
pub struct Group {
    /// per key: its value as a number, and in words
    pub values: Vec<(i64, String)>,
    /// what was counted
    pub counts: Counts,
}
