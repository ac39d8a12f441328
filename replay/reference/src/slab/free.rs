//! Freeing an object: finding what is at its address, and putting it back into its slab.

use super::{
    allocator::{LARGE, SlabAllocator, Source},
    cache::CacheId,
    debug,
    lists::Place,
};
use crate::{Cpu, Misuse, Order, PageAllocator, PageFlags, Pfn, Pressure, machine::PAGE_SIZE, page::mem_map::Note};

/// The kind of memory that starts at an address of the slab layer.
pub(super) enum Found {
    /// An object of a slab.
    Object { slab: u32, object: u16 },
    /// A `kmalloc` block of whole pages.
    Pages(Order),
}

impl SlabAllocator {
    /// Returns what starts at a physical address.
    pub(super) fn find(&self, pages: &PageAllocator, address: u64) -> Result<Found, Misuse> {
        let pfn = address / PAGE_SIZE;
        let Some(slab) = pages.map.note_of(pfn, Note::Mapping) else { return Err(Misuse::NotFromSlab(address)) };
        if let Some(s) = self.slabs.get(slab)
            && let Some(object) = s.object_at(address)
        {
            return Ok(Found::Object { slab, object });
        }
        self.find_slowly(pages, address, slab)
    }

    /// Returns the `kmalloc` block of whole pages at an address that is no object's, or the caller's mistake.
    fn find_slowly(&self, pages: &PageAllocator, address: u64, number: u32) -> Result<Found, Misuse> {
        let pfn = Pfn(address / PAGE_SIZE);
        if number == LARGE {
            // Any owner may set this word in its own page, so the flags are checked too.
            let ours =
                |i: &u32| PageFlags(pages.map.flags(*i)).contains(PageFlags::SLAB) && address.is_multiple_of(PAGE_SIZE);
            let head = pages.allocated(pfn).ok().filter(ours).ok_or(Misuse::NotFromSlab(address))?;
            return Ok(Found::Pages(Order(pages.map.tag(head).order())));
        }
        Err(if self.slabs.get(number).is_some_and(|s| s.covers(pfn.0)) {
            Misuse::NotAnObject(address)
        } else {
            Misuse::NotFromSlab(address)
        })
    }

    /// `kmem_cache_free`: frees an object at a physical address.
    pub(crate) fn free<P: Pressure>(
        &mut self,
        source: &mut Source<'_, P>,
        address: u64,
        cache: CacheId,
        cpu: Cpu,
    ) -> Result<(), Misuse> {
        match self.find(source.pages, address)? {
            Found::Pages(_) => Err(Misuse::NotFromSlab(address)),
            // If the object is also free already, that is the graver mistake and is reported instead.
            Found::Object { slab, object } if self.slabs[slab].cache != cache.0 && self.slabs[slab].is_used(object) => {
                Err(Misuse::WrongCache(address))
            }
            Found::Object { slab, object } => self.free_object(source, address, slab, object, cpu),
        }
    }

    /// Puts an object back into the slab that a CPU allocates from, if the object belongs there and needs no checks.
    /// Most frees need no more than this. Returns whether the object was freed.
    #[inline]
    pub(crate) fn free_fast(&mut self, pages: &PageAllocator, address: u64) -> bool {
        let slab = pages.map.note_of(address / PAGE_SIZE, Note::Mapping).and_then(|number| self.slabs.get_mut(number));
        slab.is_some_and(|slab| {
            slab.place == Place::Cpu && !slab.guarded && slab.object_at(address).is_some_and(|object| slab.put(object))
        })
    }

    pub(super) fn free_object<P: Pressure>(
        &mut self,
        source: &mut Source<'_, P>,
        address: u64,
        slab: u32,
        object: u16,
        cpu: Cpu,
    ) -> Result<(), Misuse> {
        let s = &mut self.slabs[slab];
        if s.guarded && s.is_used(object) {
            debug::on_free(&self.caches[s.cache as usize], source.memory, address)?;
        }
        if !s.put(object) {
            return Err(Misuse::ObjectDoubleFree(address));
        }
        if s.place != Place::Cpu {
            self.after_free(source.pages, slab, cpu);
        }
        Ok(())
    }

    /// Moves a slab that no CPU allocates from to the list for its new number of free objects.
    fn after_free(&mut self, pages: &mut PageAllocator, slab: u32, cpu: Cpu) {
        let cpu = Cpu(cpu.0 % self.cpus);
        if self.is_textbook() {
            self.textbook_after_free(pages, slab, cpu);
        } else {
            self.slub_after_free(pages, slab, cpu);
        }
    }

    /// `ksize`: returns the size in bytes of the object at a physical address.
    pub(crate) fn object_size(&self, pages: &PageAllocator, address: u64) -> Result<u64, Misuse> {
        Ok(match self.find(pages, address)? {
            Found::Pages(order) => PAGE_SIZE << order.0,
            Found::Object { slab, .. } => u64::from(self.caches[self.slabs[slab].cache as usize].object_size),
        })
    }
}
