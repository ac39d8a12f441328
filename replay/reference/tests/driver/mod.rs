//! Calls on a machine, one after the other, right and wrong ones, each checked as far as its answer is known. The property tests, the endurance
//! test and the fuzz target drive the allocator with this.

use reference::{Address, AllocError, Config, Cpu, Layout, Misuse, Mm, NoPressure, NodeId, Order, PageAllocator, Pfn, Profile, ZoneSpec, ZoneType};

/// Masks of every zone, mobility and urgency.
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

/// One call.
#[derive(Clone, Copy, Debug)]
pub enum Call {
    Alloc { mask: usize, order: u8, cpu: u16, node: u8 },
    Free { which: usize, cpu: u16 },
    WrongOrder { which: usize, by: u8 },
    DoubleFree,
    Split { which: usize },
    Drain,
    Tick,
    Kmalloc { bytes: u64, mask: usize, cpu: u16 },
    Kfree { which: usize, cpu: u16 },
    KfreeTwice,
}

impl Call {
    /// A call from eight bytes of noise: half of them allocations, a few per cent mistakes.
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
            80..150 => Self::Free { which, cpu },
            150..190 => Self::Kmalloc { bytes: 1 + (u64::from(d) << (c % 7)), mask: usize::from(b) % 3, cpu },
            190..228 => Self::Kfree { which, cpu },
            228..236 => Self::WrongOrder { which, by: 1 + b % 10 },
            236..242 => Self::DoubleFree,
            242..248 => Self::KfreeTwice,
            248..253 => Self::Split { which },
            253 => Self::Drain,
            _ => Self::Tick,
        }
    }
}

/// Two nodes, the first with a DMA and a ragged DMA32 zone of 12 MiB, the second with a NORMAL zone that starts off a pageblock boundary.
pub fn layout() -> Layout {
    let mut layout = Layout::x86_64(4096 + 3001, 2);
    let last = ZoneSpec { kind: ZoneType::Normal, node: NodeId(1), start_pfn: (1 << 14) + 100, spanned: 5000, present: 4900, managed: 4800 };
    layout.zones.push(last);
    layout
}

/// A machine, and what its callers hold of it.
pub struct Driver {
    pub mm: Mm<NoPressure>,
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
    pub fn new(profile: Profile) -> Self {
        let mm = Mm::new(Config::new(layout(), profile));
        let free_at_start = free_pages(&mm.pages);
        Self { mm, pages: Vec::new(), freed: None, objects: Vec::new(), released: None, free_at_start }
    }

    /// Makes the call; an answer that cannot be right is an error.
    pub fn call(&mut self, call: Call) -> Result<(), String> {
        let mm = &mut self.mm;
        let none_live = self.pages.is_empty();
        match call {
            Call::Alloc { mask, order, cpu, node } => {
                let gfp = mm.mask(MASKS[mask]);
                match mm.pages.alloc_pages(gfp, Order(order), Cpu(cpu), NodeId(node)) {
                    Ok(pfn) => {
                        let zone = mm.pages.zone_of(pfn).ok_or_else(|| format!("{pfn} lies in no zone"))?;
                        let allowed = reference::gfp_zone(mm.pages.gfp().flags(gfp)).map_err(|e| e.to_string())?;
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
                    expect!(verdict == Err(Misuse::WrongOrder { pfn, allocated: order, given }), "{call:?}: {verdict:?}");
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
            Call::Drain => mm.pages.drain_all(),
            Call::Tick => mm.pages.vmstat_tick(),
            Call::Kmalloc { bytes, mask, cpu } => {
                let gfp = mm.mask(MASKS[mask]);
                match mm.kmalloc(bytes, gfp, Cpu(cpu)) {
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
                    // Its slab may be gone by now.
                    let verdict = mm.kfree(Some(object), Cpu(0));
                    expect!(matches!(verdict, Err(Misuse::ObjectDoubleFree(_) | Misuse::NotFromSlab(_))), "{object:?}: {verdict:?}");
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Every invariant.
    pub fn validate(&self) -> Result<(), String> {
        self.mm.validate().map_err(|e| e.to_string())
    }

    /// Gives everything back: all pages must be free again.
    pub fn finish(mut self) -> Result<(), String> {
        self.validate()?;
        for object in self.objects.drain(..) {
            self.mm.kfree(Some(object), Cpu(0)).map_err(|e| e.to_string())?;
        }
        for (pfn, order) in self.pages.drain(..) {
            self.mm.pages.free_pages(pfn, order, Cpu(0)).map_err(|e| e.to_string())?;
        }
        for cache in self.mm.slab.caches().collect::<Vec<_>>() {
            self.mm.kmem_cache_shrink(cache, Cpu(0));
        }
        self.mm.pages.drain_all();
        self.validate()?;
        let free = free_pages(&self.mm.pages);
        expect!(free == self.free_at_start, "{} pages were free at the start, {free} are at the end", self.free_at_start);
        Ok(())
    }
}

fn free_pages(mm: &PageAllocator) -> u64 {
    mm.stats().iter().map(|zone| zone.free).sum()
}
