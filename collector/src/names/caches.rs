//! The numbers of slab caches.

use std::collections::HashMap;

use trace::{Cache, CacheRecord, SlabEvent};

use super::name_rows::NameRows;

/// Gives numbers to the kernel's slab caches, which records identify by address.
#[derive(Default)]
pub struct Caches {
    /// The indices into `rows`, by the address of the `kmem_cache`.
    known: HashMap<u64, usize>,
    pub rows: NameRows<Cache>,
}

impl Caches {
    /// Gives the cache of a record a number, if it has none yet. Each CPU may emit the record of a cache.
    pub fn add(&mut self, CacheRecord { time, address, object_size, size, name, .. }: &CacheRecord) {
        let next = self.rows.len();
        // The number 0 means none. Numbers have 16 bits, which is enough for the caches of any kernel.
        let Ok(id) = u16::try_from(next + 1) else { return };
        if *self.known.entry(*address).or_insert(next) == next {
            let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
            let name = String::from_utf8_lossy(name).into_owned();
            self.rows.push(Cache { time: *time, id, name, object_size: *object_size, size: *size });
        }
    }

    /// Replaces the cache's address in an event with the cache's number and sizes.
    pub fn fill_in(&self, event: &mut SlabEvent) {
        let address = u64::from(event.bytes_alloc) << 32 | u64::from(event.bytes_req);
        let cache = self.known.get(&address).and_then(|index| self.rows.get(*index));
        (event.cache, event.bytes_req, event.bytes_alloc) =
            cache.map_or((0, 0, 0), |cache| (cache.id, cache.object_size, cache.size));
    }
}
