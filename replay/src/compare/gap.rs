//! Classes of events that do not fit the books, and why they happen.

use std::collections::BTreeMap;

/// Why an event does not follow from the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Gap {
    /// A free of memory that was allocated before the trace began.
    Orphan,
    /// A free of part of a live block: `split_page`, `alloc_pages_exact`, a split huge page, or the tail of a
    /// non-compound block.
    Split,
    /// A free of memory that was freed before and whose allocation has no event: bulk allocation, migration targets,
    /// CMA, free page reporting.
    UntracedAlloc,
    /// A free of a block larger than the live blocks in it: compaction gives back what it isolated.
    Merged,
    /// The machine's request failed: pfn −1. Also emitted after a failed memory-cgroup charge.
    Failed,
    /// An event that only follows if others are missing, and the ledger says that others are.
    Lost,
    /// A frame that lies in none of the model's zones.
    ForeignFrame,
    /// None of these.
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

    /// Key in JSON.
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

    /// The meaning of the class, for a person.
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

/// How often each class occurred.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gaps(BTreeMap<Gap, u64>);

impl Gaps {
    pub(crate) fn count(&mut self, gap: Gap) {
        *self.0.entry(gap).or_default() += 1;
    }

    /// How often this class occurred.
    pub fn get(&self, gap: Gap) -> u64 {
        self.0.get(&gap).copied().unwrap_or(0)
    }

    /// All classes that occurred, with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (Gap, u64)> {
        self.0.iter().map(|(gap, n)| (*gap, *n))
    }

    /// Events in any class.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }
}
