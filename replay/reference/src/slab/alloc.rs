//! Allocating an object, from the slab of this CPU or else from the next slab.

use super::{
    allocator::{SlabAllocator, Source},
    cache::CacheId,
    debug,
    lists::Place,
};
use crate::{AllocError, Cpu, Flags, NodeId, Pressure};

impl SlabAllocator {
    /// Takes the next object of the slab that a CPU allocates from, which is all that most requests need. Returns
    /// `None` if the slab has no free object or its objects must be checked.
    #[inline]
    pub(super) fn alloc_fast(&mut self, cache: CacheId, cpu: Cpu) -> Option<u64> {
        let slab = self.caches[cache.0 as usize].cpus.get(usize::from(cpu.0))?.slab?;
        let slab = &mut self.slabs[slab];
        if slab.guarded { None } else { slab.take() }
    }

    /// Allocates one object of a cache and returns its physical address.
    pub(crate) fn alloc<P: Pressure>(
        &mut self,
        source: &mut Source<'_, P>,
        cache: CacheId,
        flags: Flags,
        cpu: Cpu,
        node: NodeId,
    ) -> Result<u64, AllocError> {
        match self.alloc_fast(cache, cpu) {
            Some(address) => Ok(address),
            None => self.alloc_slowly(source, cache.0 as usize, flags, cpu, node),
        }
    }

    /// `___slab_alloc`: allocates an object from the next slab if the CPU's slab has no free object left, and writes
    /// the debug patterns of the cache into the object.
    fn alloc_slowly<P: Pressure>(
        &mut self,
        source: &mut Source<'_, P>,
        c: usize,
        flags: Flags,
        cpu: Cpu,
        node: NodeId,
    ) -> Result<u64, AllocError> {
        let own = self.caches[c].cpus.get(usize::from(cpu.0)).ok_or(AllocError::NoSuchCpuOrNode)?.slab;
        let address = if let Some(address) = own.and_then(|slab| self.slabs[slab].take()) {
            address
        } else {
            let slab = self.next_slab(source, c, flags, cpu, node)?;
            self.slabs[slab].take().expect("slabs on lists of partial ones have free objects, and so have new ones")
        };
        let cache = &mut self.caches[c];
        if cache.flags.is_debug() {
            debug::on_alloc(cache, source.memory, address);
        }
        Ok(address)
    }

    fn next_slab<P: Pressure>(
        &mut self,
        source: &mut Source<'_, P>,
        cache: usize,
        flags: Flags,
        cpu: Cpu,
        node: NodeId,
    ) -> Result<u32, AllocError> {
        let found = if self.is_textbook() { self.textbook_slab(cache, cpu) } else { self.slub_slab(cache, cpu, node) };
        if let Some(slab) = found {
            return Ok(slab);
        }
        let slab = self.new_slab(source, cache, flags, cpu, node)?;
        self.caches[cache].cpus[usize::from(cpu.0)].slab = Some(slab);
        self.slabs[slab].place = Place::Cpu;
        Ok(slab)
    }
}
