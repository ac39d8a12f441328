//! The memory manager as the rest of a kernel sees it: pages, addresses, objects and mappings together.

use crate::{
    Address, AllocError, CacheFlags, CacheId, Config, Context, Cpu, DirectMap, Flags, Gfp, Kmap, Memory, Misuse,
    NoPressure, NodeId, Order, PageAllocator, Pfn, Pressure, SlabAllocator, Violation, Vmalloc, ZoneType, slab::Source,
};

/// The address that `kmalloc(0)` returns: nobody may read or write it, but it may be freed (`include/linux/slab.h`).
pub const ZERO_SIZE_PTR: Address = Address(16);

/// The page allocator, the slab allocator, `vmalloc`, `kmap` and the contents of memory of one machine. `P` decides
/// what can be reclaimed.
pub struct Mm<P = NoPressure> {
    /// The page allocator.
    pub pages: PageAllocator,
    /// The slab allocator.
    pub slab: SlabAllocator,
    /// The contents of the frames.
    pub memory: Memory,
    /// The mappings of high memory.
    pub kmap: Kmap,
    /// The areas of `vmalloc`.
    pub vmalloc: Vmalloc,
    /// The source of reclaimable memory.
    pub pressure: P,
    direct: DirectMap,
    nodes: u8,
}

impl Mm {
    /// Creates a machine with all memory free and nothing to reclaim.
    pub fn new(config: Config) -> Self {
        Self::with_pressure(config, NoPressure)
    }
}

impl<P: Pressure> Mm<P> {
    /// Creates a machine with all memory free, whose reclaimable memory `pressure` provides.
    pub fn with_pressure(config: Config, pressure: P) -> Self {
        let (generation, cpus, nodes) = (config.generation, config.layout.cpus.max(1), config.layout.nodes() as u8);
        let highmem = config.layout.zones.iter().any(|z| z.kind == ZoneType::HighMem);
        let direct = DirectMap { page_offset: config.layout.page_offset };
        Self {
            pages: PageAllocator::new(config),
            slab: SlabAllocator::new(generation, cpus, nodes),
            memory: Memory::default(),
            kmap: Kmap::new(cpus),
            vmalloc: Vmalloc::new(highmem),
            pressure,
            direct,
            nodes,
        }
    }

    /// Returns the direct map.
    pub const fn direct_map(&self) -> DirectMap {
        self.direct
    }

    /// Returns the mask of a GFP name, or of several names joined with `|`.
    pub fn mask(&self, names: &str) -> Gfp {
        self.pages.mask(names)
    }

    /// `alloc_pages`: allocates a block of pages, zeroed if the mask has `__GFP_ZERO`.
    ///
    /// # Errors
    /// As [`PageAllocator::alloc_pages_under`].
    pub fn alloc_pages(&mut self, gfp: Gfp, order: Order, cpu: Cpu) -> Result<Pfn, AllocError> {
        let pfn = self.pages.alloc_pages_under(&mut self.pressure, gfp, order, cpu, NodeId(0))?;
        if self.pages.gfp().flags(gfp.0).contains(Flags::ZERO) {
            self.memory.zero(pfn, order.pages());
            self.pages.counters.zeroed += order.pages();
        }
        Ok(pfn)
    }

    /// `alloc_page`: allocates one page.
    ///
    /// # Errors
    /// As [`Self::alloc_pages`].
    pub fn alloc_page(&mut self, gfp: Gfp, cpu: Cpu) -> Result<Pfn, AllocError> {
        self.alloc_pages(gfp, Order::ZERO, cpu)
    }

    /// `page_address`: returns the kernel's address of a page; `None` for a page of high memory that is not mapped.
    pub fn page_address(&self, pfn: Pfn) -> Option<Address> {
        let zone = self.pages.zone_of(pfn)?;
        if self.pages.zones[usize::from(zone.0)].kind == ZoneType::HighMem {
            return self.kmap.address_of(pfn);
        }
        Some(self.direct.to_virtual(pfn.0 * crate::PAGE_SIZE))
    }

    /// `__get_free_pages`: allocates like [`Self::alloc_pages`] but returns an address, and so refuses high memory.
    ///
    /// # Errors
    /// [`AllocError::HighMemHasNoAddress`], or as [`Self::alloc_pages`].
    pub fn get_free_pages(&mut self, gfp: Gfp, order: Order, cpu: Cpu) -> Result<Address, AllocError> {
        if self.pages.gfp().flags(gfp.0).contains(Flags::HIGHMEM) {
            return Err(AllocError::HighMemHasNoAddress);
        }
        let pfn = self.alloc_pages(gfp, order, cpu)?;
        Ok(self.direct.to_virtual(pfn.0 * crate::PAGE_SIZE))
    }

    /// `__get_free_page`: allocates one page and returns its address.
    ///
    /// # Errors
    /// As [`Self::get_free_pages`].
    pub fn get_free_page(&mut self, gfp: Gfp, cpu: Cpu) -> Result<Address, AllocError> {
        self.get_free_pages(gfp, Order::ZERO, cpu)
    }

    /// `get_zeroed_page`: allocates one zeroed page and returns its address.
    ///
    /// # Errors
    /// As [`Self::get_free_pages`].
    pub fn get_zeroed_page(&mut self, gfp: Gfp, cpu: Cpu) -> Result<Address, AllocError> {
        let zero = self.pages.mask("__GFP_ZERO");
        self.get_free_pages(gfp | zero, Order::ZERO, cpu)
    }

    /// `__free_pages`: frees a block of pages by its first frame.
    ///
    /// # Errors
    /// As [`PageAllocator::free_pages`].
    pub fn free_pages(&mut self, pfn: Pfn, order: Order, cpu: Cpu) -> Result<(), Misuse> {
        self.pages.free_pages(pfn, order, cpu)
    }

    /// `free_pages`: frees a block of pages by its address.
    ///
    /// # Errors
    /// As [`PageAllocator::free_pages`].
    pub fn free_pages_at(&mut self, address: Address, order: Order, cpu: Cpu) -> Result<(), Misuse> {
        self.pages.free_pages(self.direct.to_pfn(address), order, cpu)
    }

    fn source(&mut self) -> (&mut SlabAllocator, Source<'_, P>) {
        (&mut self.slab, Source { pages: &mut self.pages, memory: &mut self.memory, pressure: &mut self.pressure })
    }

    /// `kmalloc`: allocates physically contiguous bytes, zeroed if the mask has `__GFP_ZERO`. A request for no bytes
    /// returns [`ZERO_SIZE_PTR`].
    ///
    /// # Errors
    /// [`AllocError::HighMemHasNoAddress`], [`AllocError::TooLarge`], or when there is no memory.
    #[inline]
    pub fn kmalloc(&mut self, bytes: u64, gfp: Gfp, cpu: Cpu) -> Result<Address, AllocError> {
        let flags = self.pages.gfp().flags(gfp.0);
        if !flags.intersects(Flags::HIGHMEM | Flags::ZERO)
            && let Some(physical) = self.slab.kmalloc_fast(bytes, flags, cpu)
        {
            return Ok(self.direct.to_virtual(physical));
        }
        self.kmalloc_slowly(bytes, flags, cpu)
    }

    fn kmalloc_slowly(&mut self, bytes: u64, flags: Flags, cpu: Cpu) -> Result<Address, AllocError> {
        if flags.contains(Flags::HIGHMEM) {
            return Err(AllocError::HighMemHasNoAddress);
        }
        if bytes == 0 {
            return Ok(ZERO_SIZE_PTR);
        }
        let (slab, mut source) = self.source();
        let physical = slab.kmalloc(&mut source, bytes, flags, cpu, NodeId(0))?;
        if flags.contains(Flags::ZERO) {
            let len = slab.object_size(source.pages, physical).unwrap_or(bytes);
            source.memory.write(physical, &alloc::vec![0; len as usize]);
        }
        Ok(self.direct.to_virtual(physical))
    }

    /// `kfree`: frees an object. Freeing `None` (NULL) or [`ZERO_SIZE_PTR`] does nothing.
    ///
    /// # Errors
    /// When the address is not the start of a live object.
    #[inline]
    pub fn kfree(&mut self, address: Option<Address>, cpu: Cpu) -> Result<(), Misuse> {
        let Some(address) = address else { return Ok(()) };
        if self.slab.free_fast(&self.pages, self.direct.to_physical(address)) {
            Ok(())
        } else {
            self.kfree_slowly(address, cpu)
        }
    }

    fn kfree_slowly(&mut self, address: Address, cpu: Cpu) -> Result<(), Misuse> {
        if address == ZERO_SIZE_PTR {
            return Ok(());
        }
        let physical = self.direct.to_physical(address);
        let (slab, mut source) = self.source();
        slab.kfree(&mut source, physical, cpu)
    }

    /// `ksize`: returns the bytes that the caller may use, at least as many as the caller asked for.
    ///
    /// # Errors
    /// When the address is not the start of an object.
    pub fn ksize(&self, address: Address) -> Result<u64, Misuse> {
        if address == ZERO_SIZE_PTR {
            return Ok(0);
        }
        self.slab.object_size(&self.pages, self.direct.to_physical(address))
    }

    /// `krealloc`: returns the same object if it is large enough, else a new object with the old contents. For `None`
    /// (NULL) it allocates a new object; for 0 bytes it frees the object.
    ///
    /// # Errors
    /// When there is no memory, in which case the old object lives on; or when the address is not the start of a live
    /// object.
    pub fn krealloc(&mut self, address: Option<Address>, bytes: u64, gfp: Gfp, cpu: Cpu) -> Result<Address, Failure> {
        let Some(address) = address else { return Ok(self.kmalloc(bytes, gfp, cpu)?) };
        if bytes == 0 {
            self.kfree(Some(address), cpu)?;
            return Ok(ZERO_SIZE_PTR);
        }
        let old = self.ksize(address)?;
        if old >= bytes {
            return Ok(address);
        }
        let new = self.kmalloc(bytes, gfp, cpu)?;
        let contents = self.memory.read(self.direct.to_physical(address), old as usize);
        self.memory.write(self.direct.to_physical(new), &contents);
        self.kfree(Some(address), cpu)?;
        Ok(new)
    }

    /// `kmem_cache_create`: creates a cache of objects of `size` bytes.
    ///
    /// # Errors
    /// [`AllocError::TooLarge`] when no block of pages holds an object.
    pub fn kmem_cache_create(
        &mut self,
        name: &str,
        size: u32,
        align: u32,
        flags: CacheFlags,
        ctor: Option<fn(&mut [u8])>,
    ) -> Result<CacheId, AllocError> {
        self.slab.create(name, size, align, flags, ctor, self.nodes)
    }

    /// `kmem_cache_destroy`: destroys a cache that has no objects in use.
    ///
    /// # Errors
    /// [`Misuse::CacheInUse`] while objects live.
    pub fn kmem_cache_destroy(&mut self, cache: CacheId, cpu: Cpu) -> Result<(), Misuse> {
        self.slab.destroy(&mut self.pages, cache, cpu)
    }

    /// `kmem_cache_shrink`: gives all empty slabs of a cache back to the page allocator.
    pub fn kmem_cache_shrink(&mut self, cache: CacheId, cpu: Cpu) {
        self.slab.shrink(&mut self.pages, cache, cpu);
    }

    /// `kmem_cache_alloc`: allocates an object of a cache.
    ///
    /// # Errors
    /// [`AllocError::HighMemHasNoAddress`], [`AllocError::CacheDestroyed`], or when there is no memory for a new slab.
    pub fn kmem_cache_alloc(&mut self, cache: CacheId, gfp: Gfp, cpu: Cpu) -> Result<Address, AllocError> {
        let flags = self.pages.gfp().flags(gfp.0);
        if flags.contains(Flags::HIGHMEM) {
            return Err(AllocError::HighMemHasNoAddress);
        }
        let (slab, mut source) = self.source();
        let physical = slab.alloc(&mut source, cache, flags, cpu, NodeId(0))?;
        Ok(self.direct.to_virtual(physical))
    }

    /// `kmem_cache_free`: frees an object of a cache.
    ///
    /// # Errors
    /// When the address is not the start of a live object of this cache.
    pub fn kmem_cache_free(&mut self, cache: CacheId, address: Address, cpu: Cpu) -> Result<(), Misuse> {
        let physical = self.direct.to_physical(address);
        let (slab, mut source) = self.source();
        slab.free(&mut source, physical, cache, cpu)
    }

    /// `vmalloc`, with a mask: allocates virtually contiguous bytes. It may sleep, so the mask must allow direct
    /// reclaim.
    ///
    /// # Errors
    /// [`AllocError::MaySleep`], [`AllocError::NoAddressSpace`], or when there is no memory.
    pub fn vmalloc(&mut self, bytes: u64, gfp: Gfp, cpu: Cpu) -> Result<Address, AllocError> {
        let flags = self.pages.gfp().flags(gfp.0);
        self.vmalloc.alloc(&mut self.pages, &mut self.pressure, bytes, flags, cpu, NodeId(0))
    }

    /// `vfree`: frees an area of `vmalloc`.
    ///
    /// # Errors
    /// When the address is not the start of an area.
    pub fn vfree(&mut self, address: Address, cpu: Cpu) -> Result<(), Misuse> {
        self.vmalloc.free(&mut self.pages, address, cpu)
    }

    /// `kmap`: returns an address for any page. It may sleep while the pool is full.
    ///
    /// # Errors
    /// [`AllocError::MaySleep`] in atomic context, [`AllocError::NoAddressSpace`] when every slot is taken,
    /// [`AllocError::NotAFrame`].
    pub fn kmap(&mut self, pfn: Pfn, context: Context) -> Result<Address, AllocError> {
        if self.is_highmem(pfn) {
            self.kmap.map(pfn, context)
        } else {
            self.page_address(pfn).ok_or(AllocError::NotAFrame(pfn))
        }
    }

    /// `kunmap`: removes the mapping that `kmap` made.
    ///
    /// # Errors
    /// When a page of high memory is not mapped.
    pub fn kunmap(&mut self, pfn: Pfn) -> Result<(), Misuse> {
        if self.is_highmem(pfn) { self.kmap.unmap(pfn) } else { Ok(()) }
    }

    /// `kmap_atomic`: returns an address for any page, valid on this CPU, without sleeping.
    ///
    /// # Errors
    /// When all slots of the CPU are taken, or the frame lies in no zone.
    pub fn kmap_atomic(&mut self, pfn: Pfn, cpu: Cpu) -> Result<Address, AllocError> {
        if self.is_highmem(pfn) {
            self.kmap.map_atomic(pfn, cpu)
        } else {
            self.page_address(pfn).ok_or(AllocError::NotAFrame(pfn))
        }
    }

    /// `kunmap_atomic`: removes the mapping that `kmap_atomic` made last on this CPU.
    ///
    /// # Errors
    /// When it is not the mapping made last on this CPU.
    pub fn kunmap_atomic(&mut self, pfn: Pfn, cpu: Cpu) -> Result<(), Misuse> {
        if self.is_highmem(pfn) { self.kmap.unmap_atomic(pfn, cpu) } else { Ok(()) }
    }

    /// `PageHighMem`: returns whether a page lies in high memory and so has no permanent address.
    pub fn is_highmem(&self, pfn: Pfn) -> bool {
        self.pages.zone_of(pfn).is_some_and(|z| self.pages.zones[usize::from(z.0)].kind == ZoneType::HighMem)
    }

    /// Checks every invariant of the page allocator and the slab allocator.
    ///
    /// # Errors
    /// With the first violation found.
    pub fn validate(&self) -> Result<(), Violation> {
        self.pages.validate()?;
        self.slab.validate(&self.pages)
    }
}

/// The failure of a call that can run out of memory and that can also be misused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// The allocation failed.
    Alloc(AllocError),
    /// The caller misused the allocator.
    Misuse(Misuse),
}

impl From<AllocError> for Failure {
    fn from(e: AllocError) -> Self {
        Self::Alloc(e)
    }
}

impl From<Misuse> for Failure {
    fn from(e: Misuse) -> Self {
        Self::Misuse(e)
    }
}
