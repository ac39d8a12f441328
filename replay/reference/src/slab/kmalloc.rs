//! `kmalloc`: caches of all sizes, and whole pages above the largest.

use alloc::{format, string::String, vec::Vec};

use super::{CacheFlags, CacheId, LARGE, SlabAllocator, Source, kmalloc_class, kmalloc_classes, large_order};
use crate::{AllocError, Cpu, Flags, Misuse, NodeId, Order, PageFlags, Pfn, Pressure, Profile, ids::PAGE_SIZE, mem_map::Cold};

/// Kinds of `kmalloc` caches (`enum kmalloc_cache_type`), in the order in which a mask decides: DMA, reclaimable, accounted, normal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum KmallocType {
    /// `kmalloc-N`
    Normal = 0,
    /// `kmalloc-rcl-N`
    Reclaim = 1,
    /// `dma-kmalloc-N`
    Dma = 2,
    /// `kmalloc-cg-N`
    Cgroup = 3,
}

impl KmallocType {
    const ALL: [Self; 4] = [Self::Normal, Self::Reclaim, Self::Dma, Self::Cgroup];

    /// The kind a mask asks for.
    pub const fn of(flags: Flags) -> Self {
        if flags.contains(Flags::DMA) {
            Self::Dma
        } else if flags.contains(Flags::RECLAIMABLE) {
            Self::Reclaim
        } else if flags.contains(Flags::ACCOUNT) {
            Self::Cgroup
        } else {
            Self::Normal
        }
    }

    const fn prefix(self) -> &'static str {
        match self {
            Self::Normal => "kmalloc",
            Self::Reclaim => "kmalloc-rcl",
            Self::Dma => "dma-kmalloc",
            Self::Cgroup => "kmalloc-cg",
        }
    }
}

/// The `kmalloc` caches.
#[derive(Default)]
pub(super) struct Kmalloc {
    /// By kind and class.
    caches: Vec<Vec<CacheId>>,
    /// Class of a size, by (size − 1) / 8, up to the largest class.
    by_size: Vec<u8>,
    largest: u64,
}

/// Largest request: a block of the highest order (`KMALLOC_MAX_SIZE`).
const MAX_SIZE: u64 = PAGE_SIZE << crate::MAX_ORDER;

impl SlabAllocator {
    pub(super) fn create_kmalloc_caches(&mut self, nodes: u8) {
        let classes = kmalloc_classes(self.profile);
        let largest = u64::from(classes.last().copied().unwrap_or(0));
        let class_of = |k: u64| kmalloc_class(self.profile, k * 8 + 8).and_then(|c| classes.iter().position(|x| *x == c));
        let by_size = (0..largest / 8).filter_map(class_of).map(|i| i as u8).collect();
        let kinds: &[KmallocType] = if self.profile == Profile::Textbook { &[KmallocType::Normal, KmallocType::Dma] } else { &KmallocType::ALL };
        let mut caches = Vec::new();
        for kind in KmallocType::ALL {
            let exists = kinds.contains(&kind);
            let create = |class: &u32| {
                let flags = CacheFlags {
                    dma: kind == KmallocType::Dma,
                    reclaim_account: kind == KmallocType::Reclaim,
                    account: kind == KmallocType::Cgroup,
                    ..CacheFlags::default()
                };
                // Powers of two are naturally aligned.
                let align = if class.is_power_of_two() { *class } else { 1 << class.trailing_zeros() };
                self.create(&kmalloc_name(self.profile, kind, *class), *class, align, flags, None, nodes)
            };
            caches.push(if exists { classes.iter().map(create).collect() } else { Vec::new() });
        }
        self.kmalloc = Kmalloc { caches, by_size, largest };
    }

    /// `kmalloc_node`: returns a physical address.
    pub(crate) fn kmalloc<P: Pressure>(
        &mut self,
        source: &mut Source<'_, P>,
        bytes: u64,
        flags: Flags,
        cpu: Cpu,
        node: NodeId,
    ) -> Result<u64, AllocError> {
        if bytes > self.kmalloc.largest {
            return kmalloc_large(source, bytes, flags, cpu, node);
        }
        let class = usize::from(self.kmalloc.by_size[(bytes.saturating_sub(1) / 8) as usize]);
        let kind = &self.kmalloc.caches[KmallocType::of(flags) as usize];
        let kind = if kind.is_empty() { &self.kmalloc.caches[0] } else { kind };
        self.alloc(source, kind[class], flags, cpu, node)
    }

    /// `kfree`.
    pub(crate) fn kfree<P: Pressure>(&mut self, source: &mut Source<'_, P>, address: u64, cpu: Cpu) -> Result<(), Misuse> {
        let Some(order) = large_order(source.pages, address) else { return self.free(source, address, None, cpu) };
        let pfn = Pfn(address / PAGE_SIZE);
        let i = source.pages.map.index(pfn.0);
        source.pages.map.set_cold(i, Cold::Mapping, 0);
        source.pages.set_owned(i, PageFlags::SLAB, false);
        source.pages.free_pages(pfn, order, cpu)
    }
}

fn kmalloc_large<P: Pressure>(source: &mut Source<'_, P>, bytes: u64, flags: Flags, cpu: Cpu, node: NodeId) -> Result<u64, AllocError> {
    if bytes > MAX_SIZE {
        return Err(AllocError::TooLarge(bytes));
    }
    let order = Order::for_bytes(bytes);
    let pfn = source.pages.alloc_by_flags(source.pressure, flags | Flags::COMP, order, cpu, node)?;
    let i = source.pages.map.index(pfn.0);
    source.pages.map.set_cold(i, Cold::Mapping, LARGE);
    source.pages.set_owned(i, PageFlags::SLAB, true);
    Ok(pfn.0 * PAGE_SIZE)
}

/// `kmalloc-192`, `kmalloc-1k`; the textbook's `size-192`, `size-1024(DMA)`.
fn kmalloc_name(profile: Profile, kind: KmallocType, class: u32) -> String {
    if profile == Profile::Textbook {
        return format!("size-{class}{}", if kind == KmallocType::Dma { "(DMA)" } else { "" });
    }
    let prefix = kind.prefix();
    if class >= 1024 { format!("{prefix}-{}k", class / 1024) } else { format!("{prefix}-{class}") }
}
