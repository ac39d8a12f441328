//! The textbook's slab allocator, which has three lists per cache: full, partial and empty. It takes a partial slab
//! first, then an empty slab, then a new slab.

use super::{allocator::SlabAllocator, lists::Place};
use crate::{Cpu, PageAllocator};

/// The number of empty slabs that a cache keeps before it gives the next one back (`free_limit` of 2.6.34, in slabs).
const EMPTY_LIMIT: u32 = 2;

impl SlabAllocator {
    /// Returns the slab to allocate from: a partial slab, or else an empty slab.
    pub(super) fn textbook_slab(&mut self, cache: usize, cpu: Cpu) -> Option<u32> {
        let k = usize::from(cpu.0);
        if let Some(full) = self.caches[cache].cpus[k].slab.take() {
            self.slabs[full].place = Place::Full;
        }
        let c = &mut self.caches[cache];
        let partial = c.partial.iter_mut().find_map(|list| list.pop(&mut self.slabs));
        let slab = partial.or_else(|| c.empty.pop(&mut self.slabs))?;
        c.cpus[k].slab = Some(slab);
        self.slabs[slab].place = Place::Cpu;
        Some(slab)
    }

    /// Moves a slab between the lists, and gives an empty slab back when there are enough.
    pub(super) fn textbook_after_free(&mut self, pages: &mut PageAllocator, slab: u32, cpu: Cpu) {
        let s = &self.slabs[slab];
        let (cache, node, empty) = (s.cache as usize, usize::from(s.node), s.in_use == 0);
        match s.place {
            Place::Full => self.put_on_node(slab),
            Place::Partial if empty => {
                self.caches[cache].partial[node].remove(&mut self.slabs, slab);
                self.put_on_node(slab);
            }
            _ => {}
        }
        if self.caches[cache].empty.len() > EMPTY_LIMIT
            && let Some(oldest) = self.caches[cache].empty.pop(&mut self.slabs)
        {
            self.discard_slab(pages, oldest, cpu);
        }
    }
}
