//! The slab allocator, the source of its memory, and the lists that its slabs are on.

use alloc::vec::Vec;

use super::{
    cache::Cache,
    debug,
    kmalloc_caches::Kmalloc,
    lists::{Place, Slab, Slabs},
};
use crate::{
    AllocError, Cpu, Flags, Generation, NodeId, Order, PageAllocator, PageFlags, Pressure,
    machine::{Memory, PAGE_SIZE},
    page::mem_map::Note,
};

/// The value of a page's `mapping` word for `kmalloc` blocks that are whole pages. Other slab pages have the number of
/// their slab.
pub(super) const LARGE: u32 = u32::MAX;

/// The slab allocator: all caches and their slabs.
pub struct SlabAllocator {
    pub(super) generation: Generation,
    pub(super) cpus: u16,
    pub(super) caches: Vec<Cache>,
    pub(super) slabs: Slabs,
    pub(super) kmalloc: Kmalloc,
}

/// The source of the memory of slabs.
pub(crate) struct Source<'a, P> {
    pub(crate) pages: &'a mut PageAllocator,
    pub(crate) memory: &'a mut Memory,
    pub(crate) pressure: &'a mut P,
}

/// The flags of a request's mask that are passed on to the page allocator for a new slab (`GFP_RECLAIM_MASK |
/// GFP_CONSTRAINT_MASK`). The zone and mobility flags come from the cache instead, because all objects of the slab
/// share its pages.
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

impl SlabAllocator {
    pub(super) fn is_textbook(&self) -> bool {
        self.generation == Generation::Textbook
    }

    /// `allocate_slab`: tries a large slab without effort first, and if that fails the smallest slab that holds an
    /// object.
    pub(super) fn new_slab<P: Pressure>(
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
        let new = Slab::new(cache.id, cache.sizes.size, cache.flags.is_debug(), pfn, order, base, node);
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

    /// Gives an empty slab's pages back to the page allocator.
    pub(super) fn discard_slab(&mut self, pages: &mut PageAllocator, slab: u32, cpu: Cpu) {
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

    /// Puts a slab on the list for its number of free objects.
    pub(super) fn put_on_node(&mut self, slab: u32) {
        let s = &mut self.slabs[slab];
        let (cache, node) = (s.cache as usize, usize::from(s.node));
        if s.is_full() {
            s.place = Place::Full;
        } else if self.generation == Generation::Textbook && s.in_use == 0 {
            s.place = Place::Empty;
            self.caches[cache].empty.push_head(&mut self.slabs, slab);
        } else {
            s.place = Place::Partial;
            self.caches[cache].partial[node].push_tail(&mut self.slabs, slab);
        }
    }
}
