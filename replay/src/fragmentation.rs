//! Fragmentation over time, as the `frag` benchmark of `LLFree` measures it (ATC'23): fill memory, shuffle, free half, then free random pages and
//! allocate others, again and again; how many whole 2 MiB blocks are free?
//!
//! Linux was published with 15 % of the best possible after 100 iterations, an allocator built against fragmentation with 94 %. A faithful
//! model lands near Linux.

use reference::{Config, Cpu, FreeBlocks, Layout, NodeId, Order, PageAllocator, Pfn, Profile, ZoneId, ZoneType};
use serde::Serialize;

use crate::random::Random;

const CPU: Cpu = Cpu(0);
const NODE: NodeId = NodeId(0);
const ITERATIONS: usize = 100;
/// Every eighth page is kernel data, the others belong to processes.
const UNMOVABLE_EVERY: usize = 8;

/// What is left of memory's large blocks. Shares are of what the free pages could make.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FragmentationRow {
    /// Profile.
    pub policy: &'static str,
    /// Pageblocks are grouped by mobility.
    pub grouping: bool,
    /// Whole free 2 MiB blocks once half of memory was freed at random.
    pub free_at_first: f64,
    /// Whole free 2 MiB blocks after the iterations.
    pub free: f64,
    /// The same once every movable page is gone: what compaction could reach.
    pub reachable: f64,
    /// Pageblocks that hold pages which cannot move.
    pub polluted: f64,
}

/// Runs the experiment on a machine with so many pages in one NORMAL zone; in each of the iterations a tenth of the pages changes place.
///
/// # Errors
/// If an invariant of the model does not hold.
pub fn fragmentation(profile: Profile, grouping: bool, pages: u64) -> Result<FragmentationRow, reference::Violation> {
    let mut layout = Layout::x86_64((1 << 20) + pages, 1);
    layout.zones.retain(|zone| zone.kind == ZoneType::Normal);
    let mut config = Config::new(layout, profile);
    config.rules.mobility_grouping = grouping;
    let mut run = Run { mm: PageAllocator::new(config), live: Vec::new(), random: Random(0x9e37_79b9_7f4a_7c15) };
    let mut n = 0;
    while run.alloc(n % UNMOVABLE_EVERY != 0) {
        n += 1;
    }
    run.random.shuffle(&mut run.live);
    for (pfn, _) in run.live.split_off(run.live.len() / 2) {
        run.free(pfn);
    }
    let free_at_first = run.free_huge();
    for _ in 0..ITERATIONS {
        // All of them are freed before the first is allocated anew: one by one, each would come straight back from its per-CPU list.
        let tenth = run.live.len() / 10;
        let gone: Vec<_> = (0..tenth).map(|_| run.live.swap_remove(run.random.below(run.live.len()))).collect();
        for (pfn, _) in &gone {
            run.free(*pfn);
        }
        for (_, movable) in gone {
            run.alloc(movable);
        }
    }
    let free = run.free_huge();
    let mut unmovable: Vec<u64> = run.live.iter().filter(|(_, movable)| !movable).map(|(pfn, _)| pfn.0 >> 9).collect();
    unmovable.sort_unstable();
    unmovable.dedup();
    for (pfn, movable) in std::mem::take(&mut run.live) {
        if movable {
            run.free(pfn);
        }
    }
    let reachable = run.free_huge();
    run.mm.validate()?;
    let polluted = unmovable.len() as f64 / (pages >> 9).max(1) as f64;
    Ok(FragmentationRow { policy: profile.name(), grouping, free_at_first, free, reachable, polluted })
}

struct Run {
    mm: PageAllocator,
    /// Live pages, and whether they can move.
    live: Vec<(Pfn, bool)>,
    random: Random,
}

impl Run {
    fn alloc(&mut self, movable: bool) -> bool {
        let gfp = self.mm.mask(if movable { "GFP_HIGHUSER_MOVABLE" } else { "GFP_KERNEL" });
        let got = self.mm.alloc_pages(gfp, Order(0), CPU, NODE);
        self.live.extend(got.ok().map(|pfn| (pfn, movable)));
        got.is_ok()
    }

    fn free(&mut self, pfn: Pfn) {
        let freed = self.mm.free_pages(pfn, Order(0), CPU);
        debug_assert_eq!(freed, Ok(()), "the page is live");
    }

    /// Whole free 2 MiB blocks, as a share of what the free pages could make.
    fn free_huge(&mut self) -> f64 {
        self.mm.drain_all();
        let free = FreeBlocks(self.mm.free_blocks(ZoneId(0)));
        free.suitable(9) as f64 / (free.pages() >> 9).max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1 GiB: as many pageblocks as matter, and a test that is over in seconds.
    const PAGES: u64 = 1 << 18;

    #[test]
    fn lands_near_linux_and_grouping_keeps_memory_recoverable() {
        for profile in Profile::ALL {
            let grouped = fragmentation(profile, true, PAGES).unwrap();
            let mixed = fragmentation(profile, false, PAGES).unwrap();
            assert!(grouped.free < 0.5, "far better than Linux, so not like Linux: {grouped:?}");
            assert!(grouped.reachable > 2.0 * mixed.reachable, "{grouped:?} {mixed:?}");
            assert!(grouped.polluted < 0.7 * mixed.polluted, "{grouped:?} {mixed:?}");
        }
    }
}
