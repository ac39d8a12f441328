//! The slab layer: objects of one size, many to a page.
//!
//! Two generations share the slabs and differ in which slab serves next: [`slub`] (since 2.6.22, the only one since
//! 6.8) and the [`textbook`]'s slab allocator with its full, partial and empty lists. Management data lives beside the
//! pages, not in them; freed objects of one slab are reused last in, first out, new ones in address order.

mod cache;
mod debug;
mod kmalloc;
mod lists;
mod sizes;
mod slub;
mod textbook;
mod validate;

pub use cache::{CacheFlags, CacheId, CacheStats};
pub use kmalloc::KmallocType;
pub use sizes::{SlabSizes, kmalloc_class, kmalloc_classes, slab_sizes};

use alloc::vec::Vec;

use crate::{
    AllocError, Cpu, Flags, Generation, Misuse, NodeId, Order, PageAllocator, PageFlags, Pfn, Pressure, ids::PAGE_SIZE,
    mem_map::Note, memory::Memory,
};
use cache::Cache;
use kmalloc::Kmalloc;
use lists::{Place, Slab, Slabs};

/// Value of a page's `mapping` word for `kmalloc` blocks that are whole pages. Other slab pages have their slab's
/// number.
const LARGE: u32 = u32::MAX;

/// The slab allocator: all caches and their slabs.
pub struct SlabAllocator {
    generation: Generation,
    cpus: u16,
    caches: Vec<Cache>,
    slabs: Slabs,
    kmalloc: Kmalloc,
}

/// What of a request's mask its slab's pages are asked for with (`GFP_RECLAIM_MASK | GFP_CONSTRAINT_MASK`): where they
/// lie and how they move is the cache's to say, since all its objects share them.
const SLAB_PAGE_FLAGS: Flags = Flags::RECLAIM
    .union(Flags::HIGH)
    .union(Flags::IO)
    .union(Flags::FS)
    .union(Flags::NOWARN)
    .union(Flags::RETRY_MAYFAIL)
    .union(Flags::NOFAIL)
    .union(Flags::NORETRY)
    .union(Flags::MEMALLOC)
    .union(Flags::NOMEMALLOC)
    .union(Flags::ATOMIC)
    .union(Flags::HARDWALL)
    .union(Flags::THISNODE);

/// What an address of the slab layer is the start of.
enum Found {
    /// An object of a slab.
    Object { slab: u32, object: u16 },
    /// A `kmalloc` block of whole pages.
    Pages(Order),
}

/// Where the memory of slabs comes from.
pub(crate) struct Source<'a, P> {
    pub(crate) pages: &'a mut PageAllocator,
    pub(crate) memory: &'a mut Memory,
    pub(crate) pressure: &'a mut P,
}

impl SlabAllocator {
    /// An allocator with the `kmalloc` caches in place. There is one CPU and one node at least.
    pub fn new(generation: Generation, cpus: u16, nodes: u8) -> Self {
        let (cpus, nodes) = (cpus.max(1), nodes.max(1));
        let mut slab =
            Self { generation, cpus, caches: Vec::new(), slabs: Slabs::default(), kmalloc: Kmalloc::default() };
        slab.create_kmalloc_caches(nodes);
        slab
    }

    fn is_textbook(&self) -> bool {
        self.generation == Generation::Textbook
    }

    /// The next object of the slab that a CPU allocates from, unless something must be written into it first: all that
    /// most requests need.
    #[inline]
    fn alloc_fast(&mut self, cache: CacheId, cpu: Cpu) -> Option<u64> {
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

    /// `allocate_slab`: a large slab is tried without effort first; if that fails, the smallest that holds an object.
    fn new_slab<P: Pressure>(
        &mut self,
        source: &mut Source<'_, P>,
        cache: usize,
        flags: Flags,
        cpu: Cpu,
        node: NodeId,
    ) -> Result<u32, AllocError> {
        let c = &self.caches[cache];
        if c.destroyed {
            return Err(AllocError::CacheDestroyed);
        }
        let flags = flags.intersection(SLAB_PAGE_FLAGS) | c.page_flags();
        let least = Order::for_bytes(u64::from(c.sizes.size));
        let mut easy = flags.without(Flags::NOFAIL) | Flags::NOWARN | Flags::NORETRY;
        if c.sizes.order > least.0 && flags.contains(Flags::DIRECT_RECLAIM) {
            easy = easy.without(Flags::RECLAIM) | Flags::NOMEMALLOC;
        }
        let order = Order(c.sizes.order);
        let got = source.pages.alloc_by_flags(source.pressure, easy, order, cpu, node).map(|pfn| (pfn, order));
        let got = got
            .or_else(|_| source.pages.alloc_by_flags(source.pressure, flags, least, cpu, node).map(|pfn| (pfn, least)));
        let (pfn, order) = got?;
        let cache = &mut self.caches[cache];
        let colour = cache.next_colour(order);
        let node = source.pages.zone_of(pfn).map_or(0, |z| source.pages.zones[usize::from(z.0)].node.0);
        let base = pfn.0 * PAGE_SIZE + u64::from(colour);
        let new = Slab::new(cache, pfn, order, base, node);
        let objects = new.objects;
        let slab = self.slabs.insert(new);
        let head = source.pages.map.index(pfn.0);
        source.pages.set_owned(head, PageFlags::SLAB, true);
        for k in 0..order.pages() as u32 {
            source.pages.map.set_note(head + k, Note::Mapping, slab);
        }
        cache.slabs += 1;
        cache.grown += 1;
        cache.objects += u64::from(objects);
        for object in 0..objects {
            debug::on_new(cache, source.memory, base + u64::from(object) * u64::from(cache.sizes.size));
        }
        Ok(slab)
    }

    /// Returns an empty slab's pages.
    fn discard_slab(&mut self, pages: &mut PageAllocator, slab: u32, cpu: Cpu) {
        let gone = self.slabs.remove(slab);
        let head = pages.map.index(gone.pfn.0);
        for k in 0..gone.order.pages() as u32 {
            pages.map.set_note(head + k, Note::Mapping, 0);
        }
        pages.set_owned(head, PageFlags::SLAB, false);
        let cache = &mut self.caches[gone.cache as usize];
        cache.slabs -= 1;
        cache.shrunk += 1;
        cache.objects -= u64::from(gone.objects);
        let freed = pages.free_pages(gone.pfn, gone.order, cpu);
        debug_assert_eq!(freed, Ok(()), "the slab's pages are allocated");
    }

    /// What a physical address is the start of.
    fn find(&self, pages: &PageAllocator, address: u64) -> Result<Found, Misuse> {
        let pfn = address / PAGE_SIZE;
        let Some(slab) = pages.map.note_of(pfn, Note::Mapping) else { return Err(Misuse::NotFromSlab(address)) };
        if let Some(s) = self.slabs.get(slab)
            && let Some(object) = s.object_at(address)
        {
            return Ok(Found::Object { slab, object });
        }
        self.find_slowly(pages, address, slab)
    }

    /// The address is no object's: a block of whole pages, or a mistake.
    fn find_slowly(&self, pages: &PageAllocator, address: u64, number: u32) -> Result<Found, Misuse> {
        let pfn = Pfn(address / PAGE_SIZE);
        if number == LARGE {
            // Anyone may leave this word in his own page.
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

    /// `kmem_cache_free`.
    pub(crate) fn free<P: Pressure>(
        &mut self,
        source: &mut Source<'_, P>,
        address: u64,
        cache: CacheId,
        cpu: Cpu,
    ) -> Result<(), Misuse> {
        match self.find(source.pages, address)? {
            Found::Pages(_) => Err(Misuse::NotFromSlab(address)),
            // Freeing twice is the graver mistake of the two.
            Found::Object { slab, object } if self.slabs[slab].cache != cache.0 && self.slabs[slab].is_used(object) => {
                Err(Misuse::WrongCache(address))
            }
            Found::Object { slab, object } => self.free_object(source, address, slab, object, cpu),
        }
    }

    /// Takes an object back into the slab a CPU allocates from, if that is where it is from and nothing needs to be
    /// checked: all that most frees need.
    #[inline]
    pub(crate) fn free_fast(&mut self, pages: &PageAllocator, address: u64) -> bool {
        let slab = pages.map.note_of(address / PAGE_SIZE, Note::Mapping).and_then(|number| self.slabs.get_mut(number));
        slab.is_some_and(|slab| {
            slab.place == Place::Cpu && !slab.guarded && slab.object_at(address).is_some_and(|object| slab.put(object))
        })
    }

    fn free_object<P: Pressure>(
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

    /// A slab that is no CPU's own has one free object more.
    fn after_free(&mut self, pages: &mut PageAllocator, slab: u32, cpu: Cpu) {
        let cpu = Cpu(cpu.0 % self.cpus);
        if self.is_textbook() {
            self.textbook_after_free(pages, slab, cpu);
        } else {
            self.slub_after_free(pages, slab, cpu);
        }
    }

    /// Size in bytes of the object at a physical address: `ksize`.
    pub(crate) fn object_size(&self, pages: &PageAllocator, address: u64) -> Result<u64, Misuse> {
        Ok(match self.find(pages, address)? {
            Found::Pages(order) => PAGE_SIZE << order.0,
            Found::Object { slab, .. } => u64::from(self.caches[self.slabs[slab].cache as usize].object_size),
        })
    }
}
