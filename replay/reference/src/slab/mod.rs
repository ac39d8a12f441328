//! The slab layer: objects of one size, many to a page.
//!
//! Two generations share the slabs and differ in which slab serves next: [`slub`] (since 2.6.22, the only one since 6.8) and the
//! [`textbook`]'s slab allocator with its full, partial and empty lists. Management data lives beside the pages, not in them; freed objects of
//! one slab are reused last in, first out, new ones in address order.

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
    AllocError, Cpu, Flags, Misuse, NodeId, Order, PageAllocator, PageFlags, Pfn, Pressure, Profile, ids::PAGE_SIZE, mem_map::Cold, memory::Memory,
};
use cache::Cache;
use kmalloc::Kmalloc;
use lists::{Place, Slab, Slabs};

/// Value of a page's `mapping` word for `kmalloc` blocks that are whole pages. Other slab pages have their slab's number plus one.
const LARGE: u32 = u32::MAX;

/// The slab allocator: all caches and their slabs.
pub struct SlabAllocator {
    profile: Profile,
    cpus: u16,
    caches: Vec<Cache>,
    slabs: Slabs,
    kmalloc: Kmalloc,
}

/// Where the memory of slabs comes from.
pub(crate) struct Source<'a, P> {
    pub(crate) pages: &'a mut PageAllocator,
    pub(crate) memory: &'a mut Memory,
    pub(crate) pressure: &'a mut P,
}

impl SlabAllocator {
    /// An allocator with the `kmalloc` caches in place.
    pub fn new(profile: Profile, cpus: u16, nodes: u8) -> Self {
        let mut slab = Self { profile, cpus, caches: Vec::new(), slabs: Slabs::default(), kmalloc: Kmalloc::default() };
        slab.create_kmalloc_caches(nodes);
        slab
    }

    fn is_textbook(&self) -> bool {
        self.profile == Profile::Textbook
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
        let c = cache.0 as usize;
        let slab = match self.caches[c].cpus[usize::from(cpu.0)].slab {
            Some(slab) if !self.slabs[slab].free.is_empty() => slab,
            _ => self.next_slab(source, c, flags, cpu, node)?,
        };
        let slab = &mut self.slabs[slab];
        // next_slab returns slabs with free objects only.
        let object = slab.free.pop().unwrap_or(0);
        slab.mark(object, true);
        let cache = &mut self.caches[c];
        cache.active += 1;
        let address = slab.base + u64::from(object) * u64::from(cache.sizes.size);
        if cache.flags.is_debug() {
            debug::on_alloc(cache, source.memory, address);
        }
        Ok(address)
    }

    fn next_slab<P: Pressure>(&mut self, source: &mut Source<'_, P>, cache: usize, flags: Flags, cpu: Cpu, node: NodeId) -> Result<u32, AllocError> {
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
    fn new_slab<P: Pressure>(&mut self, source: &mut Source<'_, P>, cache: usize, flags: Flags, cpu: Cpu, node: NodeId) -> Result<u32, AllocError> {
        let c = &self.caches[cache];
        let flags = flags.without(Flags::ZERO) | c.page_flags();
        let least = Order::for_bytes(u64::from(c.sizes.size));
        let mut easy = flags.without(Flags::NOFAIL) | Flags::NOWARN | Flags::NORETRY;
        if c.sizes.order > least.0 && flags.contains(Flags::DIRECT_RECLAIM) {
            easy = easy.without(Flags::RECLAIM) | Flags::NOMEMALLOC;
        }
        let order = Order(c.sizes.order);
        let got = source.pages.alloc_by_flags(source.pressure, easy, order, cpu, node).map(|pfn| (pfn, order));
        let got = got.or_else(|_| source.pages.alloc_by_flags(source.pressure, flags, least, cpu, node).map(|pfn| (pfn, least)));
        let (pfn, order) = got?;
        let cache = &mut self.caches[cache];
        let colour = cache.next_colour(order);
        let objects = ((PAGE_SIZE << order.0) / u64::from(cache.sizes.size)) as u32;
        let node = source.pages.zone_of(pfn).map_or(0, |z| source.pages.zones[usize::from(z.0)].node.0);
        let base = pfn.0 * PAGE_SIZE + u64::from(colour);
        let slab = self.slabs.insert(Slab::new(cache.id, pfn, order, base, objects, node));
        let head = source.pages.map.index(pfn.0);
        source.pages.set_owned(head, PageFlags::SLAB, true);
        for k in 0..order.pages() as u32 {
            source.pages.map.set_cold(head + k, Cold::Mapping, slab + 1);
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
        pages.set_owned(head, PageFlags::SLAB, false);
        for k in 0..gone.order.pages() as u32 {
            pages.map.set_cold(head + k, Cold::Mapping, 0);
        }
        let cache = &mut self.caches[gone.cache as usize];
        cache.slabs -= 1;
        cache.shrunk += 1;
        cache.objects -= u64::from(gone.objects);
        let freed = pages.free_pages(gone.pfn, gone.order, cpu);
        debug_assert_eq!(freed, Ok(()), "the slab's pages are allocated");
    }

    /// The slab and number of the object at a physical address.
    fn object_at(&self, pages: &PageAllocator, address: u64) -> Result<(u32, u16), Misuse> {
        let pfn = address / PAGE_SIZE;
        if !pages.map.contains(pfn) {
            return Err(Misuse::NotFromSlab(address));
        }
        match pages.map.cold(pages.map.index(pfn), Cold::Mapping) {
            0 | LARGE => Err(Misuse::NotFromSlab(address)),
            number => {
                let slab = number - 1;
                let Some(s) = self.slabs.get(slab).filter(|s| s.covers(pfn)) else { return Err(Misuse::NotFromSlab(address)) };
                let cache = &self.caches[s.cache as usize];
                let Some(offset) = address.checked_sub(s.base) else { return Err(Misuse::NotAnObject(address)) };
                // `reciprocal_divide`: offsets are below 2^22, so one multiplication is exact enough to be checked by the next line.
                let object = ((offset * cache.reciprocal) >> 40) as u32;
                if u64::from(object) * u64::from(cache.sizes.size) != offset || object >= s.objects {
                    return Err(Misuse::NotAnObject(address));
                }
                Ok((slab, object as u16))
            }
        }
    }

    /// Frees an object; `cache` is given by `kmem_cache_free` and checked.
    pub(crate) fn free<P: Pressure>(&mut self, source: &mut Source<'_, P>, address: u64, cache: Option<CacheId>, cpu: Cpu) -> Result<(), Misuse> {
        let (slab, object) = self.object_at(source.pages, address)?;
        let s = &mut self.slabs[slab];
        if !s.is_used(object) {
            return Err(Misuse::ObjectDoubleFree(address));
        }
        if cache.is_some_and(|c| c.0 != s.cache) {
            return Err(Misuse::WrongCache(address));
        }
        let c = &mut self.caches[s.cache as usize];
        if c.flags.is_debug() {
            debug::on_free(c, source.memory, address)?;
        }
        s.mark(object, false);
        s.free.push(object);
        c.active -= 1;
        if s.place != Place::Cpu {
            self.after_free(source.pages, slab, cpu);
        }
        Ok(())
    }

    /// A slab that is no CPU's own has one free object more.
    fn after_free(&mut self, pages: &mut PageAllocator, slab: u32, cpu: Cpu) {
        if self.is_textbook() {
            self.textbook_after_free(pages, slab, cpu);
        } else {
            self.slub_after_free(pages, slab, cpu);
        }
    }

    /// Size in bytes of the object at a physical address: `ksize`.
    pub(crate) fn object_size(&self, pages: &PageAllocator, address: u64) -> Result<u64, Misuse> {
        if let Some(order) = large_order(pages, address) {
            return Ok(PAGE_SIZE << order.0);
        }
        let (slab, _) = self.object_at(pages, address)?;
        Ok(u64::from(self.caches[self.slabs[slab].cache as usize].object_size))
    }
}

/// The order of a `kmalloc` block of whole pages that starts at this address.
fn large_order(pages: &PageAllocator, address: u64) -> Option<Order> {
    let pfn = Pfn(address / PAGE_SIZE);
    if !address.is_multiple_of(PAGE_SIZE) || !pages.map.contains(pfn.0) {
        return None;
    }
    // The word says it all; the frame's state confirms it, since the word of a freed page is stale.
    if pages.map.cold(pages.map.index(pfn.0), Cold::Mapping) != LARGE {
        return None;
    }
    let i = pages.allocated(pfn).ok()?;
    Some(Order(pages.map.tag(i).order()))
}
