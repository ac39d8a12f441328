//! An object goes out: from the slab of this CPU, or else from the next one.

use super::{
    allocator::{SlabAllocator, Source},
    cache::CacheId,
    debug,
    lists::Place,
};
use crate::{AllocError, Cpu, Flags, NodeId, Pressure};

impl SlabAllocator {
    /// The next object of the slab that a CPU allocates from, unless something must be written into it first: all that
    /// most requests need.
    #[inline]
    pub(super) fn alloc_fast(&mut self, cache: CacheId, cpu: Cpu) -> Option<u64> {
        let slab = self.caches[cache.0 as usize].cpus.get(usize::from(cpu.0))?.slab?;
        let slab = &mut self.slabs[slab];
        if slab.guarded { None } else { slab.take() }
    }

    /// Allocates one object of a cache; returns its physical address.
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

    /// `___slab_alloc`: from the next slab if the CPU's has no object left; with what is written into objects for
    /// debugging.
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
