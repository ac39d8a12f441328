//! What is counted of kernel objects.

/// One call site, or one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Site {
    /// the object; 0 for a call site
    pub ptr: u64,
    /// the call site; of an object: the last one
    pub call_site: u64,
    /// allocations
    pub hit: u64,
    /// bytes that were asked for
    pub bytes_req: u64,
    /// bytes that were given out
    pub bytes_alloc: u64,
    /// frees on another CPU than the allocation's
    pub pingpong: u64,
}

impl Site {
    /// Counts an allocation.
    pub(super) fn add(&mut self, req: u64, alloc: u64) {
        self.hit += 1;
        self.bytes_req += req;
        self.bytes_alloc += alloc;
    }

    /// Returns the share of the bytes that nobody asked for, in percent, by perf's formula: it is what perf sorts by.
    pub fn fragmentation(&self) -> f64 {
        fragmentation(self.bytes_req, self.bytes_alloc)
    }
}

/// Returns the share of allocated bytes that nobody requested, in percent.
pub(super) fn fragmentation(requested: u64, allocated: u64) -> f64 {
    if allocated == 0 { 0.0 } else { 100.0 - 100.0 * requested as f64 / allocated as f64 }
}
