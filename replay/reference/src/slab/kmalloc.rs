//! `kmalloc`: caches of several sizes, and whole pages for larger requests.

use alloc::{format, string::String, vec::Vec};

use super::{
    allocator::{LARGE, SlabAllocator, Source},
    cache::{CacheFlags, CacheId},
    free::Found,
    kmalloc_caches::{Kmalloc, KmallocType},
    lists::Slabs,
    sizes::{kmalloc_class, kmalloc_classes},
};
use crate::{
    AllocError, Cpu, Flags, Generation, Misuse, NodeId, Order, PageFlags, Pfn, Pressure,
    machine::{MAX_ORDER, PAGE_SIZE},
    page::mem_map::Note,
};

/// The largest request in bytes: a block of the highest order (`KMALLOC_MAX_SIZE`).
const MAX_SIZE: u64 = PAGE_SIZE << MAX_ORDER;

impl SlabAllocator {
    /// Creates an allocator with the `kmalloc` caches, for at least one CPU and one node.
    pub fn new(generation: Generation, cpus: u16, nodes: u8) -> Self {
        let (cpus, nodes) = (cpus.max(1), nodes.max(1));
        let mut slab =
            Self { generation, cpus, caches: Vec::new(), slabs: Slabs::default(), kmalloc: Kmalloc::default() };
        slab.create_kmalloc_caches(nodes);
        slab
    }

    pub(super) fn create_kmalloc_caches(&mut self, nodes: u8) {
        let classes = kmalloc_classes(self.generation);
        let largest = u64::from(classes.last().copied().unwrap_or(0));
        let class_of =
            |k: u64| kmalloc_class(self.generation, k * 8 + 8).and_then(|c| classes.iter().position(|x| *x == c));
        let by_size = (0..largest / 8).filter_map(class_of).map(|i| i as u8).collect();
        let kinds: &[KmallocType] = if self.generation == Generation::Textbook {
            &[KmallocType::Normal, KmallocType::Dma]
        } else {
            &KmallocType::ALL
        };
        let mut caches: Vec<CacheId> = Vec::new();
        for kind in KmallocType::ALL {
            if !kinds.contains(&kind) {
                caches.extend_from_within(..classes.len());
                continue;
            }
            for class in &classes {
                let flags = CacheFlags {
                    dma: kind == KmallocType::Dma,
                    reclaim_account: kind == KmallocType::Reclaim,
                    account: kind == KmallocType::Cgroup,
                    ..CacheFlags::default()
                };
                // Objects of a power of two in size are aligned to their size.
                let align = if class.is_power_of_two() { *class } else { 1 << class.trailing_zeros() };
                let cache =
                    self.create(&kmalloc_name(self.generation, kind, *class), *class, align, flags, None, nodes);
                caches.push(cache.expect("every class fits a block of pages"));
            }
        }
        self.kmalloc = Kmalloc { caches, classes: classes.len(), by_size };
    }

    /// Returns the cache for a size, or `None` for sizes above the largest class and for 0 bytes. The table is indexed
    /// by (bytes − 1) / 8.
    #[inline]
    fn kmalloc_slab(&self, bytes: u64, flags: Flags) -> Option<CacheId> {
        let class = self.kmalloc.by_size.get((bytes.wrapping_sub(1) / 8) as usize)?;
        Some(self.kmalloc.caches[KmallocType::of(flags) as usize * self.kmalloc.classes + usize::from(*class)])
    }

    /// `kmalloc_node`, if the CPU's slab has a free object.
    #[inline]
    pub(crate) fn kmalloc_fast(&mut self, bytes: u64, flags: Flags, cpu: Cpu) -> Option<u64> {
        let cache = self.kmalloc_slab(bytes, flags)?;
        self.alloc_fast(cache, cpu)
    }

    /// `kmalloc_node`: allocates an object or whole pages and returns the physical address.
    pub(crate) fn kmalloc<P: Pressure>(
        &mut self,
        source: &mut Source<'_, P>,
        bytes: u64,
        flags: Flags,
        cpu: Cpu,
        node: NodeId,
    ) -> Result<u64, AllocError> {
        match self.kmalloc_slab(bytes, flags) {
            Some(cache) => self.alloc(source, cache, flags, cpu, node),
            None => kmalloc_large(source, bytes, flags, cpu, node),
        }
    }

    /// `kfree`: frees an object or whole pages at a physical address.
    pub(crate) fn kfree<P: Pressure>(
        &mut self,
        source: &mut Source<'_, P>,
        address: u64,
        cpu: Cpu,
    ) -> Result<(), Misuse> {
        match self.find(source.pages, address)? {
            Found::Object { slab, object } => self.free_object(source, address, slab, object, cpu),
            Found::Pages(order) => {
                let pfn = Pfn(address / PAGE_SIZE);
                let i = source.pages.map.index(pfn.0);
                source.pages.map.set_note(i, Note::Mapping, 0);
                source.pages.set_owned(i, PageFlags::SLAB, false);
                source.pages.free_pages(pfn, order, cpu)
            }
        }
    }
}

fn kmalloc_large<P: Pressure>(
    source: &mut Source<'_, P>,
    bytes: u64,
    flags: Flags,
    cpu: Cpu,
    node: NodeId,
) -> Result<u64, AllocError> {
    if bytes > MAX_SIZE {
        return Err(AllocError::TooLarge(bytes));
    }
    let order = Order::for_bytes(bytes);
    let pfn = source.pages.alloc_by_flags(source.pressure, flags | Flags::COMP, order, cpu, node)?;
    let i = source.pages.map.index(pfn.0);
    source.pages.map.set_note(i, Note::Mapping, LARGE);
    source.pages.set_owned(i, PageFlags::SLAB, true);
    Ok(pfn.0 * PAGE_SIZE)
}

/// Returns the name of a `kmalloc` cache: `kmalloc-192`, `kmalloc-1k`; in the textbook `size-192`, `size-1024(DMA)`.
fn kmalloc_name(generation: Generation, kind: KmallocType, class: u32) -> String {
    if generation == Generation::Textbook {
        return format!("size-{class}{}", if kind == KmallocType::Dma { "(DMA)" } else { "" });
    }
    let prefix = kind.prefix();
    if class >= 1024 { format!("{prefix}-{}k", class / 1024) } else { format!("{prefix}-{class}") }
}
