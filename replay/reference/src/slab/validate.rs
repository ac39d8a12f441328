//! The check of the slab layer's invariants.

use super::{allocator::SlabAllocator, cache::Cache, lists::Place};
use crate::{
    PageAllocator, PageFlags,
    error::{Violation, ensure},
    machine::PAGE_SIZE,
    page::mem_map::Note,
};

impl SlabAllocator {
    /// Checks that objects are disjoint and inside their slab, counts agree, and each slab is in exactly one place.
    ///
    /// # Errors
    /// With the first violation found.
    pub fn validate(&self, pages: &PageAllocator) -> Result<(), Violation> {
        for (i, slab) in self.slabs.iter() {
            let cache = &self.caches[slab.cache as usize];
            let name = &cache.names[0];
            let end = (slab.pfn.0 + slab.order.pages()) * PAGE_SIZE;
            let last = slab.base + u64::from(slab.objects) * u64::from(cache.sizes.size);
            ensure!(last <= end, "{name}: slab {} ends behind its pages", slab.pfn);
            ensure!(cache.object_size <= cache.sizes.size, "{name}: objects overlap");
            ensure!(
                slab.used_objects() == slab.in_use,
                "{name}: slab {} counts {} of {}",
                slab.pfn,
                slab.in_use,
                slab.used_objects()
            );
            ensure!(
                slab.free_objects().all(|o| !slab.is_used(o)),
                "{name}: slab {} has a used object on its free list",
                slab.pfn
            );
            let free = slab.free_objects().count() as u32;
            ensure!(
                free + slab.in_use == slab.objects,
                "{name}: slab {} has {free} free objects and {} in use",
                slab.pfn,
                slab.in_use
            );
            let head = pages.map.index(slab.pfn.0);
            ensure!(pages.allocated(slab.pfn).is_ok(), "{name}: slab {} has no pages", slab.pfn);
            ensure!(pages.map.flags(head) & PageFlags::SLAB.bits() != 0, "{name}: slab {} is not marked", slab.pfn);
            let mapped = (0..slab.order.pages() as u32).all(|k| pages.map.note(head + k, Note::Mapping) == i);
            ensure!(mapped, "{name}: a page of slab {} does not lead to it", slab.pfn);
            if slab.place == Place::Full {
                ensure!(slab.is_full(), "{name}: slab {} has free objects and is on no list", slab.pfn);
            }
        }
        self.caches.iter().try_for_each(|cache| self.validate_cache(cache))
    }

    fn validate_cache(&self, cache: &Cache) -> Result<(), Violation> {
        let name = &cache.names[0];
        let mut listed = 0;
        let mut check = |slab: u32, place: Place| {
            listed += 1;
            let s = &self.slabs[slab];
            ensure!(
                s.cache == cache.id && s.place == place,
                "{name}: slab {} is {:?}, listed as {place:?}",
                s.pfn,
                s.place
            );
            Ok(())
        };
        for (k, cpu) in cache.cpus.iter().enumerate() {
            cpu.slab.map_or(Ok(()), |slab| check(slab, Place::Cpu))?;
            cpu.partial.iter(&self.slabs).try_for_each(|slab| check(slab, Place::CpuPartial(k as u16)))?;
            ensure!(
                cpu.partial.len() <= cache.sizes.cpu_partial_slabs.max(1),
                "{name}: CPU {k} keeps {} slabs",
                cpu.partial.len()
            );
        }
        for list in &cache.partial {
            list.iter(&self.slabs).try_for_each(|slab| check(slab, Place::Partial))?;
            // Once a node has `min_partial` slabs, the next slab that becomes empty is given back, so the node never
            // has more empty slabs than this.
            let empty = list.iter(&self.slabs).filter(|slab| self.slabs[*slab].in_use == 0).count() as u32;
            ensure!(
                empty <= cache.sizes.min_partial,
                "{name}: a node keeps {empty} empty slabs, at most {}",
                cache.sizes.min_partial
            );
        }
        cache.empty.iter(&self.slabs).try_for_each(|slab| check(slab, Place::Empty))?;
        let mine = || self.slabs.iter().filter(|(_, s)| s.cache == cache.id);
        let full = mine().filter(|(_, s)| s.place == Place::Full).count() as u64;
        ensure!(listed + full == cache.slabs, "{name}: {} slabs, {listed} listed and {full} full", cache.slabs);
        ensure!(mine().count() as u64 == cache.slabs, "{name}: {} slabs counted", cache.slabs);
        let objects: u64 = mine().map(|(_, s)| u64::from(s.objects)).sum();
        ensure!(objects == cache.objects, "{name}: {objects} objects, counted {}", cache.objects);
        Ok(())
    }
}
