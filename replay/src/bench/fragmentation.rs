//! Fragmentation over time, by the workload with which Linux was measured in the `LLFree` paper (ATC'23; `frag` in
//! `luhsra/linux-alloc-bench`): fill nine tenths of memory page by page, shuffle the pages and free half of them; then
//! repeatedly free a tenth at random and allocate as much again. The result is the number of whole 2 MiB blocks that
//! are free.
//!
//! The published Linux (6.0, 128 GiB) has 15.1 % of the 2 MiB blocks that its free pages could form, before the first
//! iteration and after the hundredth: these are the pages that were never allocated. It neither wins a block back nor
//! loses one, while `LLFree` reaches 94 %. The published pages are all movable and belong to no process, so nothing
//! could compact them. Here one page in eight is kernel data, and the zone is compacted after the last iteration, which
//! shows the benefit of grouping by mobility.

use std::collections::HashMap;

use reference::{Config, Cpu, FreeBlocks, Generation, Layout, NodeId, Order, PageAllocator, Pfn, ZoneId, ZoneType};
use serde::Serialize;

use super::random::Random;

const CPU: Cpu = Cpu(0);
const NODE: NodeId = NodeId(0);
const ITERATIONS: usize = 100;
/// Every eighth page is kernel data; the others belong to processes.
const UNMOVABLE_EVERY: u64 = 8;

/// The published result of Linux as a share: `frag/latest-bu/out.csv` of `luhsra/llfree-bench` has 5108 of 33912 blocks
/// before the iterations and 5107 after them.
pub const PUBLISHED: f64 = 0.151;

/// The large blocks that are left after long use. Shares of 2 MiB blocks are of the blocks that the free pages could
/// form.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FragmentationRow {
    /// The name of the generation of kernels.
    #[serde(rename = "policy")]
    pub generation: &'static str,
    /// Whether pageblocks are grouped by mobility.
    pub grouping: bool,
    /// The share of whole free 2 MiB blocks after half of memory was freed at random.
    pub free_at_first: f64,
    /// The share of whole free 2 MiB blocks after the iterations.
    pub free: f64,
    /// The share of whole free 2 MiB blocks after the zone was compacted, as by a write to
    /// `/proc/sys/vm/compact_memory`.
    pub compacted: f64,
    /// The share of pageblocks that hold pages which cannot move.
    pub polluted: f64,
}

/// Runs the experiment on a machine with `pages` pages in one NORMAL zone.
///
/// # Errors
/// If an invariant of the model does not hold.
pub fn fragmentation(
    generation: Generation,
    grouping: bool,
    pages: u64,
) -> Result<FragmentationRow, reference::Violation> {
    // The `struct page`s take a 64th of all pages. The published module fills nine tenths of all pages, these included.
    let managed = pages - pages / 64;
    let mut layout = Layout::x86_64((1 << 20) + managed, 1);
    layout.zones.retain(|zone| zone.kind == ZoneType::Normal);
    let mut config = Config::new(layout, generation);
    config.rules.mobility_grouping = grouping;
    let mut run = Run { mm: PageAllocator::new(config), live: Vec::new(), random: Random(0x9e37_79b9_7f4a_7c15) };
    for n in 0..pages * 9 / 10 {
        run.alloc(n % UNMOVABLE_EVERY != 0);
    }
    run.random.shuffle(&mut run.live);
    for (pfn, _) in run.live.split_off(run.live.len() / 2) {
        run.free(pfn);
    }
    let free_at_first = run.free_huge();
    for _ in 0..ITERATIONS {
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
    run.compact();
    let compacted = run.free_huge();
    let mut unmovable: Vec<u64> = run.live.iter().filter(|(_, movable)| !movable).map(|(pfn, _)| pfn.0 >> 9).collect();
    unmovable.sort_unstable();
    unmovable.dedup();
    run.mm.validate()?;
    let polluted = unmovable.len() as f64 / (managed >> 9).max(1) as f64;
    Ok(FragmentationRow { generation: generation.name(), grouping, free_at_first, free, compacted, polluted })
}

struct Run {
    mm: PageAllocator,
    /// The live pages, and whether each can move.
    live: Vec<(Pfn, bool)>,
    random: Random,
}

impl Run {
    fn alloc(&mut self, movable: bool) {
        let gfp = self.mm.mask(if movable { "GFP_HIGHUSER_MOVABLE" } else { "GFP_KERNEL" });
        let got = self.mm.alloc_pages(gfp, Order(0), CPU, NODE);
        debug_assert!(got.is_ok(), "a tenth of memory is free: {got:?}");
        self.live.extend(got.ok().map(|pfn| (pfn, movable)));
    }

    fn free(&mut self, pfn: Pfn) {
        let freed = self.mm.free_pages(pfn, Order(0), CPU);
        debug_assert_eq!(freed, Ok(()), "the page is live");
    }

    fn compact(&mut self) {
        // No page moves twice, because the two scanners end where they meet.
        let moved: HashMap<Pfn, Pfn> = self.mm.compact_whole_zone(ZoneId(0)).into_iter().collect();
        for (pfn, _) in &mut self.live {
            *pfn = moved.get(pfn).copied().unwrap_or(*pfn);
        }
    }

    /// Returns the whole free 2 MiB blocks as a share of the blocks that the free pages could form.
    fn free_huge(&mut self) -> f64 {
        self.mm.drain_all();
        let free = FreeBlocks(self.mm.free_blocks(ZoneId(0)));
        free.suitable(9) as f64 / (free.pages() >> 9).max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1 GiB has enough pageblocks for a result and takes seconds to test.
    const PAGES: u64 = 1 << 18;

    #[test]
    fn lands_near_linux_and_grouping_makes_compaction_worth_it() {
        for generation in Generation::ALL {
            let grouped = fragmentation(generation, true, PAGES).unwrap();
            let mixed = fragmentation(generation, false, PAGES).unwrap();
            for row in [grouped, mixed] {
                assert!((row.free - PUBLISHED).abs() < 0.05 && (row.free_at_first - PUBLISHED).abs() < 0.05, "{row:?}");
            }
            assert!(grouped.compacted > 2.0 * mixed.compacted, "{grouped:?} {mixed:?}");
            assert!(grouped.polluted < 0.7 * mixed.polluted, "{grouped:?} {mixed:?}");
        }
    }
}
