//! `mm/slab_common.c`: creating, merging, shrinking and destroying caches, and reading their state.

use alloc::{borrow::ToOwned, vec, vec::Vec};

use super::{
    allocator::SlabAllocator,
    cache::{CACHE_LINE, Cache, CacheFlags, CacheId, CacheStats, CpuSlab},
    lists::SlabList,
    sizes::slab_sizes,
};
use crate::{
    AllocError, Cpu, Generation, Misuse, PageAllocator,
    machine::{MAX_ORDER, PAGE_SIZE},
};

/// The smallest alignment of objects, in bytes.
const WORD: u32 = 8;
/// The bytes of the largest block of pages.
const LARGEST_OBJECT: u64 = PAGE_SIZE << MAX_ORDER;

impl SlabAllocator {
    /// `kmem_cache_create`: returns a new cache, or an existing cache with the same layout. SLUB merges caches unless a
    /// constructor, debugging or different flags set them apart.
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
            // Objects of at most half a line share one: the alignment is halved as long as an object fits into it.
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

    /// `find_mergeable`: returns a cache of the same kind whose objects are large enough and aligned enough, and
    /// less than a word larger.
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

    /// `kmem_cache_destroy`: gives all slabs back. A merged cache is destroyed with its last name.
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

    /// `kmem_cache_shrink`: takes the slabs off the CPUs and gives every empty slab back.
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

    /// Returns the state of one cache.
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

    /// Returns the physical addresses of objects that were written to after they were freed, which was found when they
    /// were allocated again (`SLAB_POISON`).
    pub fn use_after_free(&self, cache: CacheId) -> &[u64] {
        &self.caches[cache.0 as usize].damaged
    }

    /// Iterates over all caches that are not destroyed.
    pub fn caches(&self) -> impl Iterator<Item = CacheId> {
        self.caches.iter().filter(|c| !c.destroyed).map(|c| CacheId(c.id))
    }
}
