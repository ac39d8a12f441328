//! How much the slab caches grew while the trace was recorded, as `/proc/slabinfo` tells: a check of what seems to be
//! kept, since some frees are not traced.
//!
//! The kernel frees many objects in bulk (`kfree_rcu`, the sheaves of 6.18) without an event. What was allocated then
//! looks kept; but a cache that holds no more objects than before cannot have kept them.

use std::collections::HashMap;

use trace::{Problem, SlabInfo, Trace};

use crate::{decode::names::Names, fast_hash::NumberMap, matching::event::MatchedEvent};

/// Objects of one kind: the number of the `kmem_cache` and the bytes of an object.
pub(super) type ObjectKind = (i64, u64);

/// Objects that each cache has more at the end than at the start.
pub(super) struct SlabGrowth {
    by_cache: HashMap<String, u64>,
    /// kmalloc's caches together, by size: an event does not say which of those of its size it came from
    by_size: NumberMap<u64, u64>,
}

/// Returns what kind of object an event is about.
pub(super) fn kind_of(event: &MatchedEvent<'_>) -> ObjectKind {
    (event.cache, event.bytes)
}

impl SlabGrowth {
    /// Compares the first snapshot of /proc/slabinfo with the last; `None` without two.
    pub fn read(trace: &Trace, problems: &mut Vec<Problem>) -> Option<Self> {
        let rows: Vec<SlabInfo> = trace.all(problems);
        let (first, last) = (rows.iter().map(|row| row.snapshot).min()?, rows.iter().map(|row| row.snapshot).max()?);
        (first < last).then_some(())?;
        let before: HashMap<&str, u64> =
            rows.iter().filter(|row| row.snapshot == first).map(|row| (row.name.as_str(), row.active_objs)).collect();
        let mut growth = Self { by_cache: HashMap::new(), by_size: NumberMap::default() };
        for row in rows.iter().filter(|row| row.snapshot == last) {
            // SLUB counts the objects on a CPU's own slabs as used, so each CPU may be wrong by a slab or two.
            let slack = u64::from(row.objperslab) * 2 * trace.header.cpu_node.len() as u64;
            let grown = row.active_objs.saturating_sub(before.get(row.name.as_str()).copied().unwrap_or(0)) + slack;
            growth.by_cache.insert(row.name.clone(), grown);
            if row.name.starts_with("kmalloc-") {
                *growth.by_size.entry(u64::from(row.objsize)).or_default() += grown;
            }
        }
        Some(growth)
    }

    /// Returns which share of the objects that seem to be kept (`kept` of this kind) can really be.
    pub fn credible(&self, (cache, bytes): ObjectKind, kept: u64, names: &Names<'_>) -> f64 {
        let grown = if cache > 0 { self.by_cache.get(&names.cache(cache as u16)) } else { self.by_size.get(&bytes) };
        // Large objects are whole pages, and a cache may be merged with another of a different name: nothing is known
        // of those.
        grown.map_or(1.0, |grown| (*grown as f64 / kept.max(1) as f64).min(1.0))
    }
}
