//! What is counted of pages.

/// Requests and their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sum {
    /// how many
    pub count: u64,
    /// bytes
    pub bytes: u64,
}

impl Sum {
    /// Counts a request.
    pub(super) fn add(&mut self, bytes: u64) {
        self.count += 1;
        self.bytes += bytes;
    }

    /// Returns the difference, as perf takes it: without a sign.
    pub(super) fn minus(self, other: Self) -> Self {
        Self { count: self.count.wrapping_sub(other.count), bytes: self.bytes.wrapping_sub(other.bytes) }
    }
}

/// Allocations that have the same properties.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Block {
    /// page frame number; 0 for a call site
    pub page: u64,
    /// who asked, of a page: last
    pub call_site: u64,
    /// order
    pub order: u8,
    /// number of the migratetype
    pub migratetype: u8,
    /// GFP mask
    pub gfp: u32,
    /// allocations
    pub hit: u64,
    /// bytes allocated
    pub bytes: u64,
}
