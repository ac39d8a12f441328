//! The result of grouping events: the groups, and the counts of each group.

use crate::Key;

/// The counts of one group. In a sampled trace, they are estimates of the machine's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// The number of allocations that succeeded.
    pub allocs: i64,
    /// The number of free events: those of these allocations, and unmatched ones.
    pub frees: i64,
    /// The bytes that were allocated.
    pub alloc_bytes: i64,
    /// The bytes that were asked for. The number differs from `alloc_bytes` for kernel objects only.
    pub requested_bytes: i64,
    /// The bytes that the free events freed. An unmatched free of a kernel object adds 0, since its size is unknown.
    pub free_bytes: i64,
    /// The number of allocations that failed.
    pub failures: i64,
    /// The number of failures for which the kernel had pages, but the memory cgroup of the asking thread was at its
    /// limit.
    pub refusals: i64,
    /// The number of frees whose allocation happened before the trace, or by an event that the trace lacks.
    pub unmatched_frees: i64,
    /// The number of calls of `kfree(NULL)`, which free nothing and are not among `frees`.
    pub null_frees: i64,
    /// The number of frees that the trace lacks, but that must have happened, since the memory was allocated again.
    pub implied_frees: i64,
    /// The bytes that were allocated within the trace and are not freed when it ends.
    pub live: i64,
    /// The greatest value that `live` had at any time.
    pub peak_live: i64,
}

impl Counts {
    /// Returns the numbers that groups are sorted by: the bytes allocated, the bytes freed, and the number of events.
    pub(super) fn volume(&self) -> (i64, i64, i64) {
        (self.alloc_bytes, self.free_bytes, self.allocs + self.failures + self.frees)
    }
}

/// Events grouped by some keys: one group for each combination of values that occurs, greatest first.
#[derive(Debug, Clone)]
pub struct Grouping {
    /// The keys.
    pub by: Vec<Key>,
    /// The groups.
    pub groups: Vec<Group>,
}

/// One combination of the keys' values, with its counts.
#[derive(Debug, Clone)]
pub struct Group {
    /// For each key: the value as a number, and in words.
    pub values: Vec<(i64, String)>,
    /// The counts of the group.
    pub counts: Counts,
}
