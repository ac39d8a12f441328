//! A sequence of correct and wrong calls on a machine, each checked as far as its answer is known. The property tests,
//! the endurance test and the fuzz target drive the allocator with this module. Some pages are left to reclaim, and
//! movable pages are moved when large blocks are scarce.

use std::collections::BTreeMap;

use reference::{
    Address, AllocError, Config, Costs, Cpu, Flags, Generation, Layout, Lru, Misuse, Mm, NodeId, Order, PageAllocator,
    PageFlags, Pfn, Pressure, ZoneId, ZoneSpec, ZoneType,
};

/// The masks that calls use, for every zone, mobility and urgency.
pub const MASKS: [&str; 8] = [
    "GFP_KERNEL",
    "GFP_ATOMIC",
    "GFP_NOWAIT",
    "GFP_HIGHUSER_MOVABLE",
    "GFP_KERNEL|__GFP_RECLAIMABLE",
    "GFP_KERNEL|GFP_DMA",
    "GFP_KERNEL|__GFP_NOFAIL",
    "GFP_KERNEL|__GFP_DMA32|__GFP_NORETRY",
];

/// One call on the machine.
#[derive(Clone, Copy, Debug)]
pub enum Call {
    Alloc { mask: usize, order: u8, cpu: u16, node: u8 },
    Free { which: usize, cpu: u16 },
    WrongOrder { which: usize, by: u8 },
    DoubleFree,
    Split { which: usize },
    Leave { which: usize, flags: PageFlags },
    Kswapd { most: u64 },
    Drain,
    Tick,
    Compact,
    Kmalloc { bytes: u64, mask: usize, cpu: u16 },
    Kfree { which: usize, cpu: u16 },
    KfreeTwice,
}

impl Call {
    /// Returns a call from eight random bytes: half of the calls are allocations, and a few per cent are mistakes.
    pub fn from_noise(noise: u64) -> Self {
        let [kind, a, b, c, d, ..] = noise.to_le_bytes();
        let (cpu, which) = (u16::from(a & 1), (noise >> 32) as usize);
        let order = match b {
            0..128 => 0,
            128..200 => 1 + b % 3,
            200..240 => 4 + b % 5,
            _ => 9 + b % 2,
        };
        match kind {
            0..80 => Self::Alloc { mask: usize::from(c) % MASKS.len(), order, cpu, node: a >> 1 & 1 },
            80..138 => Self::Free { which, cpu },
            138..147 => Self::Leave {
                which,
                flags: [PageFlags::default(), PageFlags::DIRTY, PageFlags::REFERENCED][usize::from(b) % 3],
            },
            147..150 => Self::Kswapd { most: u64::from(b) },
            150..190 => Self::Kmalloc { bytes: 1 + (u64::from(d) << (c % 7)), mask: usize::from(b) % 3, cpu },
            190..228 => Self::Kfree { which, cpu },
            228..236 => Self::WrongOrder { which, by: 1 + b % 10 },
            236..242 => Self::DoubleFree,
            242..248 => Self::KfreeTwice,
            248..253 => Self::Split { which },
            253 => Self::Drain,
            254 => Self::Tick,
            _ => Self::Compact,
        }
    }
}

/// Returns a layout of two nodes: the first has a DMA zone and a DMA32 zone of 12 MiB that ends inside a pageblock; the
/// second has a NORMAL zone that starts inside a pageblock.
pub fn layout() -> Layout {
    let mut layout = Layout::x86_64(4096 + 3001, 2);
    let last = ZoneSpec {
        kind: ZoneType::Normal,
        node: NodeId(1),
        start_pfn: (1 << 14) + 100,
        spanned: 5000,
        present: 4900,
        managed: 4800,
    };
    layout.zones.push(last);
    layout
}

/// A machine, and the pages and objects that its callers hold.
pub struct Driver {
    pub mm: Mm<Lru>,
    pages: Vec<(Pfn, Order)>,
    freed: Option<(Pfn, Order)>,
    objects: Vec<Address>,
    released: Option<Address>,
    free_at_start: u64,
}

macro_rules! expect {
    ($holds:expr, $($message:tt)*) => {
        if !$holds {
            return Err(format!($($message)*));
        }
    };
}

impl Driver {
    pub fn new(generation: Generation) -> Self {
        let mut lru = Lru::new(Costs { reclaim: 1, write: 1, migrate: 1 });
        lru.compacts = true;
        let mm = Mm::with_pressure(Config::new(layout(), generation), lru);
        let free_at_start = free_pages(&mm.pages);
        Self { mm, pages: Vec::new(), freed: None, objects: Vec::new(), released: None, free_at_start }
    }

    /// Makes the call, and returns an error if its answer cannot be right.
    pub fn call(&mut self, call: Call) -> Result<(), String> {
        let mm = &mut self.mm;
        let none_live = self.pages.is_empty();
        match call {
            Call::Alloc { mask, order, cpu, node } => {
                let gfp = mm.mask(MASKS[mask]);
                let got = mm.pages.alloc_pages_under(&mut mm.pressure, gfp, Order(order), Cpu(cpu), NodeId(node));
                self.follow();
                let mm = &self.mm;
                match got {
                    Ok(pfn) => {
                        let zone = mm.pages.zone_of(pfn).ok_or_else(|| format!("{pfn} lies in no zone"))?;
                        let allowed = reference::gfp_zone(mm.pages.gfp().flags(gfp.0)).map_err(|e| e.to_string())?;
                        expect!(mm.pages.zone_stats(zone).kind <= allowed, "{pfn} lies above {allowed:?}");
                        self.pages.push((pfn, Order(order)));
                        (self.freed, self.released) = (None, None);
                    }
                    Err(AllocError::BelowWatermark | AllocError::Fragmented | AllocError::WouldWait) => {}
                    Err(e) => return Err(format!("{call:?}: {e}")),
                }
            }
            Call::Free { which, cpu } if !none_live => {
                let (pfn, order) = self.pages.swap_remove(which % self.pages.len());
                let verdict = mm.pages.free_pages(pfn, order, Cpu(cpu));
                expect!(verdict == Ok(()), "{call:?}: {verdict:?}");
                self.freed = Some((pfn, order));
            }
            Call::WrongOrder { which, by } if !none_live => {
                let (pfn, order) = self.pages[which % self.pages.len()];
                let given = Order((order.0 + by) % 11);
                let verdict = mm.pages.free_pages(pfn, given, Cpu(0));
                if given == order {
                    self.pages.swap_remove(which % self.pages.len());
                } else {
                    expect!(
                        verdict == Err(Misuse::WrongOrder { pfn, allocated: order, given }),
                        "{call:?}: {verdict:?}"
                    );
                }
            }
            Call::DoubleFree => {
                if let Some((pfn, order)) = self.freed {
                    let verdict = mm.pages.free_pages(pfn, order, Cpu(0));
                    expect!(verdict == Err(Misuse::DoubleFree(pfn)), "{pfn}: {verdict:?}");
                }
            }
            Call::Split { which } if !none_live => {
                let (pfn, order) = self.pages.swap_remove(which % self.pages.len());
                let part = Order(order.0 / 2);
                mm.pages.split_page(pfn, part).map_err(|e| e.to_string())?;
                self.pages.extend((0..1u64 << (order.0 - part.0)).map(|k| (Pfn(pfn.0 + (k << part.0)), part)));
            }
            Call::Leave { which, flags } if !none_live => {
                let (pfn, _) = self.pages.swap_remove(which % self.pages.len());
                mm.pages.set_page_flags(pfn, flags).map_err(|e| e.to_string())?;
                mm.pressure.add(&mut mm.pages, pfn).map_err(|e| e.to_string())?;
            }
            Call::Kswapd { most } => {
                let taken = mm.pressure.run_kswapd(&mut mm.pages, most);
                // The last block may be larger than the number of pages that was left to take.
                expect!(taken < most + Order::MAX.pages(), "{call:?} took {taken} pages");
            }
            Call::Drain => mm.pages.drain_all(),
            Call::Tick => mm.pages.vmstat_tick(),
            Call::Compact => {
                mm.pressure.compact_memory(&mut mm.pages);
                self.follow();
            }
            Call::Kmalloc { bytes, mask, cpu } => {
                let gfp = mm.mask(MASKS[mask]);
                let got = mm.kmalloc(bytes, gfp, Cpu(cpu));
                self.follow();
                let mm = &self.mm;
                match got {
                    Ok(object) => {
                        let size = mm.ksize(object).map_err(|e| e.to_string())?;
                        expect!(size >= bytes, "{bytes} bytes asked for, {size} given");
                        self.objects.push(object);
                        (self.freed, self.released) = (None, None);
                    }
                    Err(AllocError::BelowWatermark | AllocError::Fragmented) => {}
                    Err(e) => return Err(format!("{call:?}: {e}")),
                }
            }
            Call::Kfree { which, cpu } if !self.objects.is_empty() => {
                let object = self.objects.swap_remove(which % self.objects.len());
                let verdict = mm.kfree(Some(object), Cpu(cpu));
                expect!(verdict == Ok(()), "{call:?}: {verdict:?}");
                self.released = Some(object);
            }
            Call::KfreeTwice => {
                if let Some(object) = self.released {
                    // The object's slab may have been given back by now.
                    let verdict = mm.kfree(Some(object), Cpu(0));
                    expect!(
                        matches!(verdict, Err(Misuse::ObjectDoubleFree(_) | Misuse::NotFromSlab(_))),
                        "{object:?}: {verdict:?}"
                    );
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Follows the pages that compaction has moved.
    fn follow(&mut self) {
        let moves = self.mm.pressure.take_moves();
        if moves.is_empty() {
            return;
        }
        // A page or object that was free before may be in use again.
        (self.freed, self.released) = (None, None);
        let mut holders: BTreeMap<Pfn, usize> = self.pages.iter().enumerate().map(|(n, (pfn, _))| (*pfn, n)).collect();
        for (from, to) in moves {
            if let Some(n) = holders.remove(&from) {
                self.pages[n].0 = to;
                holders.insert(to, n);
            }
        }
    }

    /// Checks every invariant.
    pub fn validate(&self) -> Result<(), String> {
        self.mm.validate().map_err(|e| e.to_string())
    }

    /// Frees everything, and returns an error unless all pages are free again.
    pub fn finish(mut self) -> Result<(), String> {
        self.validate()?;
        for object in self.objects.drain(..) {
            self.mm.kfree(Some(object), Cpu(0)).map_err(|e| e.to_string())?;
        }
        for (pfn, order) in self.pages.drain(..) {
            self.mm.pages.free_pages(pfn, order, Cpu(0)).map_err(|e| e.to_string())?;
        }
        let highest = ZoneId(self.mm.pages.stats().len() as u8 - 1);
        let mut in_vain = 0;
        // The pages that were left to reclaim are taken too: dirty pages are written in one round and taken in the
        // next.
        while in_vain < 2 {
            let taken = self.mm.pressure.reclaim(&mut self.mm.pages, highest, Order::ZERO, Flags::IO | Flags::FS);
            in_vain = if taken > 0 { 0 } else { in_vain + 1 };
        }
        for cache in self.mm.slab.caches().collect::<Vec<_>>() {
            self.mm.kmem_cache_shrink(cache, Cpu(0));
        }
        self.mm.pages.drain_all();
        self.validate()?;
        let free = free_pages(&self.mm.pages);
        expect!(
            free == self.free_at_start,
            "{} pages were free at the start, {free} are at the end",
            self.free_at_start
        );
        Ok(())
    }
}

fn free_pages(mm: &PageAllocator) -> u64 {
    mm.stats().iter().map(|zone| zone.free).sum()
}
