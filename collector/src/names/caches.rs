//! Slab caches.

use std::collections::HashMap;

use trace::{Cache, CacheRecord, SlabEvent};

use super::name_rows::NameRows;

/// Gives numbers to the kernel's slab caches, which records name by their addresses.
#[derive(Default)]
pub struct Caches {
    /// indices into `rows`, by the address of the `kmem_cache`
    known: HashMap<u64, usize>,
    pub rows: NameRows<Cache>,
}

impl Caches {
    /// Gives the cache of a record a number, if it has none yet: each CPU may introduce it.
    pub fn add(&mut self, CacheRecord { time, address, object_size, size, name, .. }: &CacheRecord) {
        let next = self.rows.len();
        // Number 0 stands for none, and numbers have 16 bits: no kernel has that many caches.
        let Ok(id) = u16::try_from(next + 1) else { return };
        if *self.known.entry(*address).or_insert(next) == next {
            let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
            let name = String::from_utf8_lossy(name).into_owned();
            self.rows.push(Cache { time: *time, id, name, object_size: *object_size, size: *size });
        }
    }

    /// Puts the number and the sizes of a cache into an event, in place of the cache's address.
    pub fn fill_in(&self, event: &mut SlabEvent) {
        let address = u64::from(event.bytes_alloc) << 32 | u64::from(event.bytes_req);
        let cache = self.known.get(&address).and_then(|index| self.rows.get(*index));
        (event.cache, event.bytes_req, event.bytes_alloc) =
            cache.map_or((0, 0, 0), |cache| (cache.id, cache.object_size, cache.size));
    }
}
