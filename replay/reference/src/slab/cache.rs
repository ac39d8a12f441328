//! `struct kmem_cache`.

use alloc::{borrow::ToOwned, string::String, vec, vec::Vec};

use crate::{
    AllocError, Cpu, Flags, Generation, MAX_ORDER, Misuse, Order, PageAllocator,
    ids::PAGE_SIZE,
    slab::{
        SlabAllocator,
        lists::{Place, SlabList},
        sizes::{SlabSizes, slab_sizes},
    },
};

/// Number of a cache. Merged caches share one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CacheId(pub(super) u32);

/// `SLAB_*` flags of a cache.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own in the kernel")]
pub struct CacheFlags {
    /// `SLAB_HWCACHE_ALIGN`: objects do not share cache lines.
    pub hwcache_align: bool,
    /// `SLAB_POISON`: freed objects are filled with a pattern, and checked when they are used again.
    pub poison: bool,
    /// `SLAB_RED_ZONE`: a guard word behind each object.
    pub red_zone: bool,
    /// `SLAB_PANIC`: the kernel panics if the cache cannot be made; here a mark only.
    pub panic: bool,
    /// `SLAB_CACHE_DMA`: from DMA memory.
    pub dma: bool,
    /// `SLAB_RECLAIM_ACCOUNT`: pages count as reclaimable.
    pub reclaim_account: bool,
    /// `SLAB_ACCOUNT`: charged to memory cgroups.
    pub account: bool,
}

impl CacheFlags {
    pub(super) const fn is_debug(self) -> bool {
        self.poison || self.red_zone
    }
}

/// Bytes of a cache line.
const CACHE_LINE: u32 = 64;
/// Least alignment of objects.
const WORD: u32 = 8;
/// Bytes of the largest block of pages.
const LARGEST_OBJECT: u64 = PAGE_SIZE << MAX_ORDER;

/// What one CPU holds of a cache.
#[derive(Clone, Default)]
pub(super) struct CpuSlab {
    /// The slab it allocates from.
    pub(super) slab: Option<u32>,
    /// Slabs with free objects it keeps for itself (SLUB).
    pub(super) partial: SlabList,
}

/// One cache.
pub(super) struct Cache {
    pub(super) id: u32,
    pub(super) names: Vec<String>,
    pub(super) object_size: u32,
    pub(super) align: u32,
    pub(super) flags: CacheFlags,
    pub(super) ctor: Option<fn(&mut [u8])>,
    pub(super) sizes: SlabSizes,
    /// Offset of the next slab's first object, in units of `colour_off` (textbook).
    colour_next: u32,
    colours: bool,
    pub(super) cpus: Vec<CpuSlab>,
    /// Slabs with free objects, by node.
    pub(super) partial: Vec<SlabList>,
    /// The textbook's empty slabs.
    pub(super) empty: SlabList,
    pub(super) objects: u64,
    pub(super) slabs: u64,
    pub(super) grown: u64,
    pub(super) shrunk: u64,
    pub(super) destroyed: bool,
    /// Objects whose poison was found damaged.
    pub(super) damaged: Vec<u64>,
}

/// State of one cache: a line of `/proc/slabinfo`, and more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CacheStats {
    /// Names: several if caches were merged.
    pub names: Vec<String>,
    /// Objects in use.
    pub active_objects: u64,
    /// Objects in all slabs.
    pub objects: u64,
    /// Bytes the caller may use of an object.
    pub object_size: u32,
    /// The sizes the cache was laid out with.
    pub sizes: SlabSizes,
    /// Slabs.
    pub slabs: u64,
    /// Slabs on no CPU and with free objects.
    pub partial: u64,
    /// Slabs without used objects (textbook).
    pub empty: u64,
    /// Slabs made so far.
    pub grown: u64,
    /// Slabs given back so far.
    pub shrunk: u64,
}

impl Cache {
    /// Flags every slab page is asked for with.
    pub(super) fn page_flags(&self) -> Flags {
        let mut flags = if self.sizes.order > 0 { Flags::COMP } else { Flags::default() };
        if self.flags.dma {
            flags = flags | Flags::DMA;
        }
        if self.flags.reclaim_account {
            flags = flags | Flags::RECLAIMABLE;
        }
        flags
    }

    /// Offset of the first object in the next slab: the textbook's colouring spreads slabs over the cache's lines, with
    /// what the objects leave over.
    pub(super) fn next_colour(&mut self, order: Order) -> u32 {
        let left_over = ((PAGE_SIZE << order.0) % u64::from(self.sizes.size)) as u32;
        let step = self.align.max(CACHE_LINE);
        if !self.colours || left_over < step {
            return 0;
        }
        let colour = self.colour_next * step;
        self.colour_next = (self.colour_next + 1) % (left_over / step + 1);
        colour
    }
}

impl SlabAllocator {
    /// `kmem_cache_create`: a new cache, or an existing one with the same layout (SLUB merges them unless something
    /// sets them apart).
    ///
    /// # Errors
    /// [`AllocError::TooLarge`] when no block of pages holds an object.
    pub fn create(
        &mut self,
        name: &str,
        object_size: u32,
        align: u32,
        flags: CacheFlags,
        ctor: Option<fn(&mut [u8])>,
        nodes: u8,
    ) -> Result<CacheId, AllocError> {
        if u64::from(object_size.max(align)) > LARGEST_OBJECT {
            return Err(AllocError::TooLarge(object_size.max(align).into()));
        }
        let line = if flags.hwcache_align {
            // Objects smaller than half a line share one: a power of two of them.
            let mut line = CACHE_LINE;
            while object_size <= line / 2 {
                line /= 2;
            }
            line
        } else {
            WORD
        };
        let align = align.max(line).max(WORD).next_power_of_two();
        let guarded = object_size.max(1).next_multiple_of(WORD) + if flags.red_zone { WORD } else { 0 };
        let size = guarded.next_multiple_of(align);
        if u64::from(size) > LARGEST_OBJECT {
            return Err(AllocError::TooLarge(size.into()));
        }
        if self.generation != Generation::Textbook
            && ctor.is_none()
            && !flags.is_debug()
            && let Some(same) = self.find_mergeable(size, align, flags)
        {
            self.caches[same.0 as usize].names.push(name.to_owned());
            let bytes = &mut self.caches[same.0 as usize].object_size;
            *bytes = (*bytes).max(object_size);
            return Ok(same);
        }
        let id = self.caches.len() as u32;
        self.caches.push(Cache {
            id,
            names: vec![name.to_owned()],
            object_size,
            align,
            flags,
            ctor,
            sizes: slab_sizes(self.generation, size, self.cpus),
            colour_next: 0,
            colours: self.generation == Generation::Textbook,
            cpus: vec![CpuSlab::default(); usize::from(self.cpus)],
            partial: vec![SlabList::default(); usize::from(nodes)],
            empty: SlabList::default(),
            objects: 0,
            slabs: 0,
            grown: 0,
            shrunk: 0,
            destroyed: false,
            damaged: Vec::new(),
        });
        Ok(CacheId(id))
    }

    /// `find_mergeable`: a cache of the same kind whose objects are large enough, aligned enough, and at most a word
    /// larger.
    fn find_mergeable(&self, size: u32, align: u32, flags: CacheFlags) -> Option<CacheId> {
        let fits = |c: &&Cache| {
            !c.destroyed
                && c.ctor.is_none()
                && !c.flags.is_debug()
                && (c.flags.dma, c.flags.reclaim_account, c.flags.account)
                    == (flags.dma, flags.reclaim_account, flags.account)
                && size <= c.sizes.size
                && c.sizes.size.is_multiple_of(align)
                && c.sizes.size - size < WORD
        };
        self.caches.iter().rev().find(fits).map(|c| CacheId(c.id))
    }

    /// `kmem_cache_destroy`: gives all slabs back. Of merged caches, the last name does.
    pub(crate) fn destroy(&mut self, pages: &mut PageAllocator, cache: CacheId, cpu: Cpu) -> Result<(), Misuse> {
        let c = cache.0 as usize;
        if self.caches[c].names.len() > 1 {
            self.caches[c].names.pop();
            return Ok(());
        }
        if self.slabs.iter().any(|(_, s)| s.cache == cache.0 && s.in_use > 0) {
            return Err(Misuse::CacheInUse);
        }
        self.caches[c].destroyed = true;
        self.shrink(pages, cache, cpu);
        Ok(())
    }

    /// `kmem_cache_shrink`: takes slabs off the CPUs and gives every empty one back.
    pub(crate) fn shrink(&mut self, pages: &mut PageAllocator, cache: CacheId, cpu: Cpu) {
        let c = cache.0 as usize;
        for k in 0..self.caches[c].cpus.len() {
            if let Some(slab) = self.caches[c].cpus[k].slab.take() {
                self.put_on_node(slab);
            }
            while let Some(slab) = self.caches[c].cpus[k].partial.pop(&mut self.slabs) {
                self.put_on_node(slab);
            }
        }
        for node in 0..self.caches[c].partial.len() {
            let empty = self.caches[c].partial[node].iter(&self.slabs).filter(|s| self.slabs[*s].in_use == 0);
            for slab in empty.collect::<Vec<_>>() {
                self.caches[c].partial[node].remove(&mut self.slabs, slab);
                self.discard_slab(pages, slab, cpu);
            }
        }
        while let Some(slab) = self.caches[c].empty.pop(&mut self.slabs) {
            self.discard_slab(pages, slab, cpu);
        }
    }

    /// Puts a slab where its number of free objects belongs.
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

    /// State of one cache.
    pub fn cache_stats(&self, cache: CacheId) -> CacheStats {
        let c = &self.caches[cache.0 as usize];
        CacheStats {
            names: c.names.clone(),
            active_objects: self.slabs.iter().filter(|(_, s)| s.cache == c.id).map(|(_, s)| u64::from(s.in_use)).sum(),
            objects: c.objects,
            object_size: c.object_size,
            sizes: c.sizes,
            slabs: c.slabs,
            partial: c.partial.iter().map(|l| u64::from(l.len())).sum(),
            empty: u64::from(c.empty.len()),
            grown: c.grown,
            shrunk: c.shrunk,
        }
    }

    /// Physical addresses of objects that were written to after they were freed, found when they were handed out again
    /// (`SLAB_POISON`).
    pub fn use_after_free(&self, cache: CacheId) -> &[u64] {
        &self.caches[cache.0 as usize].damaged
    }

    /// All caches that live.
    pub fn caches(&self) -> impl Iterator<Item = CacheId> {
        self.caches.iter().filter(|c| !c.destroyed).map(|c| CacheId(c.id))
    }
}
