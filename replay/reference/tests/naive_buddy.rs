//! Differential test: a buddy allocator that is a bitmap of free frames, against the reference allocator.
//!
//! Blocks of different mobility types merge freely here, and there are no per-CPU lists. The free blocks of a zone are
//! therefore exactly the maximal aligned runs of free frames. The bitmap finds them by a scan, the allocator by
//! splitting and merging; both must agree after every call.

use reference::{
    Config, Cpu, Generation, Layout, MAX_ORDER, NR_ORDERS, NodeId, Order, PageAllocator, Pfn, Tunables, ZoneId,
};

/// The frames of a zone, each free or not.
struct Bitmap {
    start: u64,
    free: Vec<bool>,
}

impl Bitmap {
    fn whole(&self, pfn: u64, order: u8) -> bool {
        let end = pfn + (1 << order);
        pfn >= self.start
            && end <= self.start + self.free.len() as u64
            && (pfn..end).all(|p| self.free[(p - self.start) as usize])
    }

    fn set(&mut self, pfn: u64, order: u8, free: bool) {
        for p in pfn..pfn + (1 << order) {
            let bit = &mut self.free[(p - self.start) as usize];
            assert_ne!(*bit, free, "frame {p:#x} was {} already", if free { "free" } else { "taken" });
            *bit = free;
        }
    }

    /// Returns the number of maximal aligned free blocks by order.
    fn blocks(&self) -> [u64; NR_ORDERS] {
        let mut count = [0; NR_ORDERS];
        let mut pfn = self.start;
        while pfn < self.start + self.free.len() as u64 {
            let order = (0..=MAX_ORDER).rev().find(|o| pfn.trailing_zeros() >= u32::from(*o) && self.whole(pfn, *o));
            if let Some(order) = order {
                count[usize::from(order)] += 1;
            }
            pfn += order.map_or(1, |o| 1 << o);
        }
        count
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

fn one_zone(generation: Generation) -> (PageAllocator, Bitmap) {
    let mut layout = Layout::x86_64((1 << 20) + 3000, 1);
    layout.zones.retain(|z| z.kind == reference::ZoneType::Normal);
    let zone = layout.zones[0].clone();
    let mut config = Config::new(layout, generation);
    config.rules.per_cpu_lists = false;
    config.tunables =
        Tunables { min_free_kbytes: Some(0), watermark_scale_factor: 0, watermark_boost_factor: 0, thp: false };
    (PageAllocator::new(config), Bitmap { start: zone.start_pfn, free: vec![true; zone.spanned as usize] })
}

#[test]
fn agrees_with_a_bitmap_after_every_call() {
    for generation in Generation::ALL {
        let (mut mm, mut bitmap) = one_zone(generation);
        let masks = ["GFP_KERNEL", "GFP_HIGHUSER_MOVABLE", "GFP_KERNEL|__GFP_RECLAIMABLE"].map(|m| mm.mask(m));
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let mut live: Vec<(Pfn, Order)> = Vec::new();
        let mut failed = 0;
        for step in 0..12_000 {
            let order = Order((random.below(1 << 10) | 1 << 10).trailing_zeros() as u8);
            let grow = random.below(100) < if step % 4000 < 3000 { 60 } else { 40 };
            if grow || live.is_empty() {
                if let Ok(pfn) = mm.alloc_pages(masks[random.below(3) as usize], order, Cpu(0), NodeId(0)) {
                    assert_eq!(pfn.0 & (order.pages() - 1), 0);
                    bitmap.set(pfn.0, order.0, false);
                    live.push((pfn, order));
                } else {
                    // The mark is 0, and one page must stay above it.
                    let fits = (order.0..=MAX_ORDER).any(|o| bitmap.blocks()[usize::from(o)] > 0);
                    let free = bitmap.free.iter().filter(|f| **f).count() as u64;
                    let halving = generation == Generation::Textbook;
                    assert!(
                        !fits || free <= order.pages() || halving,
                        "{generation:?}: order {order} failed with {:?}",
                        bitmap.blocks()
                    );
                    failed += 1;
                }
            } else {
                let (pfn, order) = live.swap_remove(random.below(live.len() as u64) as usize);
                mm.free_pages(pfn, order, Cpu(0)).unwrap();
                bitmap.set(pfn.0, order.0, true);
            }
            assert_eq!(mm.free_blocks(ZoneId(0)), bitmap.blocks(), "{generation:?}, step {step}");
        }
        mm.validate().unwrap();
        assert!(failed > 0, "the zone never filled: the test has not seen the other half of the work");
    }
}
