//! The text of `/proc/slabinfo`.

use alloc::{string::String, vec::Vec};
use core::fmt::{self, Write};

use super::{allocator::SlabAllocator, cache::CacheStats};

impl fmt::Display for CacheStats {
    /// Writes the cache's line of `/proc/slabinfo`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<17} {:>6} {:>6} {:>6} ", self.names[0], self.active_objects, self.objects, self.sizes.size)?;
        write!(f, "{:>4} {:>4} : tunables {:>4} {:>4} {:>4}", self.sizes.objects, 1u32 << self.sizes.order, 0, 0, 0)?;
        write!(f, " : slabdata {:>6} {:>6} {:>6}", self.slabs, self.slabs, 0)
    }
}

impl SlabAllocator {
    /// Returns the text of `/proc/slabinfo`, newest cache first.
    pub fn slabinfo(&self) -> String {
        let mut out = String::from("slabinfo - version: 2.1\n");
        out.push_str("# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>");
        out.push_str(
            " : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>\n",
        );
        let caches: Vec<_> = self.caches().collect();
        for cache in caches.into_iter().rev() {
            let _ = writeln!(out, "{}", self.cache_stats(cache));
        }
        out
    }
}
