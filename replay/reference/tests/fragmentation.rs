//! Fragmentation over time, as the `frag` benchmark of `LLFree` measures it (ATC'23): fill memory, free a random half, then free random pages and
//! allocate others, again and again; how many whole 2 MiB blocks are free?
//!
//! Linux was published with 15 % of the best possible after 100 iterations, an allocator built against fragmentation with 94 %. A faithful
//! model lands near Linux.

use reference::{Config, Cpu, FreeBlocks, Layout, NodeId, Order, PageAllocator, Pfn, Profile, ZoneId, ZoneType};

const CPU: Cpu = Cpu(0);
const NODE: NodeId = NodeId(0);
/// 1 GiB: as many pageblocks as matter, and a test that is over in a second.
const PAGES: u64 = 1 << 18;
const ITERATIONS: usize = 100;

struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }
}

/// Every eighth page is kernel data, the others belong to processes.
const UNMOVABLE_EVERY: usize = 8;

struct Run {
    mm: PageAllocator,
    /// Live pages, and whether they can move.
    live: Vec<(Pfn, bool)>,
    random: Random,
}

impl Run {
    fn new(profile: Profile, grouping: bool) -> Self {
        let mut layout = Layout::x86_64((1 << 20) + PAGES, 1);
        layout.zones.retain(|z| z.kind == ZoneType::Normal);
        let mut config = Config::new(layout, profile);
        config.rules.mobility_grouping = grouping;
        Self { mm: PageAllocator::new(config), live: Vec::new(), random: Random(0x9e37_79b9_7f4a_7c15) }
    }

    fn alloc(&mut self, movable: bool) -> bool {
        let gfp = self.mm.mask(if movable { "GFP_HIGHUSER_MOVABLE" } else { "GFP_KERNEL" });
        let got = self.mm.alloc_pages(gfp, Order(0), CPU, NODE);
        self.live.extend(got.ok().map(|pfn| (pfn, movable)));
        got.is_ok()
    }

    fn free_random(&mut self) {
        let which = self.random.below(self.live.len());
        let (pfn, _) = self.live.swap_remove(which);
        self.mm.free_pages(pfn, Order(0), CPU).unwrap();
    }

    fn fill_and_churn(&mut self) {
        let mut n = 0;
        while self.alloc(n % UNMOVABLE_EVERY != 0) {
            n += 1;
        }
        for _ in 0..self.live.len() / 2 {
            self.free_random();
        }
        for _ in 0..ITERATIONS {
            for k in 0..self.live.len() / 20 {
                self.free_random();
                assert!(self.alloc(k % UNMOVABLE_EVERY != 0));
            }
        }
    }

    /// Whole free 2 MiB blocks, as a share of what the free pages could make.
    fn free_huge(&mut self) -> f64 {
        self.mm.drain_all();
        let free = FreeBlocks(self.mm.free_blocks(ZoneId(0)));
        free.suitable(9) as f64 / (free.pages() >> 9) as f64
    }

    /// The same once every movable page is gone: what compaction could reach.
    fn reachable_huge(mut self) -> f64 {
        for (pfn, movable) in core::mem::take(&mut self.live) {
            if movable {
                self.mm.free_pages(pfn, Order(0), CPU).unwrap();
            } else {
                self.live.push((pfn, movable));
            }
        }
        self.mm.validate().unwrap();
        self.free_huge()
    }
}

#[test]
fn lands_near_linux_and_grouping_keeps_memory_recoverable() {
    println!("{:<10} {:<10} {:>12} {:>22}", "profile", "grouping", "free 2 MiB", "reachable by moving");
    for profile in Profile::ALL {
        let measure = |grouping| {
            let mut run = Run::new(profile, grouping);
            run.fill_and_churn();
            run.mm.validate().unwrap();
            let free = run.free_huge();
            let reachable = run.reachable_huge();
            println!("{:<10} {:<10} {:>10.1} % {:>20.1} %", profile.name(), grouping, free * 100.0, reachable * 100.0);
            (free, reachable)
        };
        let (free, grouped) = measure(true);
        let (_, mixed) = measure(false);
        assert!(free < 0.5, "{profile:?}: {free}: far better than Linux, so not like Linux");
        assert!(grouped > 2.0 * mixed, "{profile:?}: grouping leaves {grouped}, mixing {mixed}");
    }
}
