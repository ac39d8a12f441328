//! The classes of events that do not follow from the events before them, and their causes.

use std::collections::BTreeMap;

/// The reason why an event does not follow from the events before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Gap {
    /// A free of memory that was allocated before the trace began.
    Orphan,
    /// A free of a part of a live block: `split_page`, `alloc_pages_exact`, a split huge page, or the tail of a
    /// non-compound block.
    Split,
    /// A free of memory that was freed before and whose new allocation has no event: bulk allocation, migration
    /// targets, CMA, free page reporting.
    UntracedAlloc,
    /// A free of a block that is larger than the live blocks in it: compaction frees the pages that it isolated.
    Merged,
    /// A request that failed on the machine, with pfn −1. The event is also emitted after a failed memory-cgroup
    /// charge.
    Failed,
    /// An event that follows only if others are missing, where the ledger counts missing events.
    Lost,
    /// An event with a frame that lies in none of the model's zones.
    ForeignFrame,
    /// An event of none of the other classes.
    Unexplained,
}

impl Gap {
    /// All classes.
    pub const ALL: [Self; 8] = [
        Self::Orphan,
        Self::Split,
        Self::UntracedAlloc,
        Self::Merged,
        Self::Failed,
        Self::Lost,
        Self::ForeignFrame,
        Self::Unexplained,
    ];

    /// Returns the class's key in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Orphan => "orphan_free",
            Self::Split => "split",
            Self::UntracedAlloc => "untraced_alloc",
            Self::Merged => "merged_free",
            Self::Failed => "failed_alloc",
            Self::Lost => "lost_event",
            Self::ForeignFrame => "foreign_frame",
            Self::Unexplained => "unexplained",
        }
    }

    /// Returns the meaning of the class, in words.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Orphan => "freed, allocated before the trace began",
            Self::Split => "part of a block freed on its own",
            Self::UntracedAlloc => "freed twice: an allocation without event (bulk, migration, CMA)",
            Self::Merged => "several blocks freed as one",
            Self::Failed => "the machine's request failed",
            Self::Lost => "follows from events the ledger counts as lost or filtered",
            Self::ForeignFrame => "frame outside every zone",
            Self::Unexplained => "no class explains it",
        }
    }
}

/// The number of events in each class.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gaps(BTreeMap<Gap, u64>);

impl Gaps {
    pub(crate) fn count(&mut self, gap: Gap) {
        *self.0.entry(gap).or_default() += 1;
    }

    /// Returns the number of events in this class.
    pub fn get(&self, gap: Gap) -> u64 {
        self.0.get(&gap).copied().unwrap_or(0)
    }

    /// Iterates over all classes that occurred, with their numbers of events.
    pub fn iter(&self) -> impl Iterator<Item = (Gap, u64)> {
        self.0.iter().map(|(gap, n)| (*gap, *n))
    }

    /// Returns the number of events in all classes.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }
}
