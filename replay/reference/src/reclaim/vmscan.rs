//! Reclaim, as `mm/vmscan.c` does it: a list of pages that their owners can do without, which kswapd and direct reclaim
//! take back from its cold end.

use alloc::{
    collections::{BTreeMap, VecDeque},
    vec::Vec,
};
use core::mem;

use crate::{Cpu, Flags, Misuse, Order, PageAllocator, PageFlags, Pfn, Pressure, ZoneId};

/// The number of pages that one round takes back or writes out (`SWAP_CLUSTER_MAX`).
const SWAP_CLUSTER_MAX: u64 = 32;

/// The costs of the work, in a unit that the caller chooses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Costs {
    /// The cost of taking back one page.
    pub reclaim: u64,
    /// The cost of writing one dirty page to disk first.
    pub write: u64,
    /// The cost of moving one page.
    pub migrate: u64,
}

/// The work that reclaim and compaction have done so far, and its cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Work {
    /// The blocks that reclaim has examined (`pgscan`).
    pub scanned: u64,
    /// The pages taken back (`pgsteal`).
    pub stolen: u64,
    /// The blocks written to disk, to be taken back later.
    pub written: u64,
    /// The pages moved by compaction (`pgmigrate_success`).
    pub migrated: u64,
    /// The cost of the work that requests waited for: direct reclaim and direct compaction.
    pub direct_cost: u64,
    /// The cost of the work that kswapd did in the background.
    pub background_cost: u64,
}

/// Reclaim of the pages that were added to the list and, if wanted, compaction of all movable pages.
///
/// A page that was used since reclaim last looked at it (`REFERENCED`) gets a second chance. A dirty page is written
/// out first, which is complete by the next round. A request that may not start I/O or call the file system skips dirty
/// pages.
pub struct Lru {
    /// Whether direct compaction moves pages. The pages' owners must then follow [`Lru::take_moves`].
    pub compacts: bool,
    costs: Costs,
    /// The first frames of the blocks on the list, from the coldest to the one used last.
    pages: VecDeque<Pfn>,
    /// The zones whose kswapd was woken and has not finished: a bit per [`ZoneId`].
    awake: u32,
    moves: Vec<(Pfn, Pfn)>,
    work: Work,
}

impl Lru {
    /// Creates an empty list, without compaction.
    pub fn new(costs: Costs) -> Self {
        Self { compacts: false, costs, pages: VecDeque::new(), awake: 0, moves: Vec::new(), work: Work::default() }
    }

    /// `folio_add_lru`: adds a block that may be taken back from now on. Its owner goes on to set its flags
    /// `REFERENCED` and `DIRTY`.
    ///
    /// # Errors
    /// When the frame is not the start of an allocated block.
    pub fn add(&mut self, mm: &mut PageAllocator, pfn: Pfn) -> Result<(), Misuse> {
        let i = mm.callers_own(pfn)?;
        mm.set_owned(i, PageFlags::LRU, true);
        self.pages.push_back(pfn);
        Ok(())
    }

    /// Returns the work done so far.
    pub const fn work(&self) -> Work {
        self.work
    }

    /// Returns the old and the new first frame of every block that compaction has moved since the last call, in order.
    /// The list itself follows these moves. Other owners of movable pages must follow them before they record the page
    /// that the request got, because it may lie where a moved page was.
    pub fn take_moves(&mut self) -> Vec<(Pfn, Pfn)> {
        mem::take(&mut self.moves)
    }

    /// Compacts every zone, whatever is free in it, as a write to `/proc/sys/vm/compact_memory` does.
    pub fn compact_memory(&mut self, mm: &mut PageAllocator) {
        for zone in (0..mm.zones.len() as u8).map(ZoneId) {
            let moves = mm.compact_whole_zone(zone);
            self.follow(mm, moves);
        }
    }

    /// Updates the list for the blocks that compaction has moved, and returns the number of their pages.
    fn follow(&mut self, mm: &PageAllocator, moves: Vec<(Pfn, Pfn)>) -> u64 {
        let pages = moves.iter().map(|(_, to)| 1 << mm.map.tag(mm.map.index(to.0)).order()).sum::<u64>();
        self.work.migrated += pages;
        let new_place: BTreeMap<Pfn, Pfn> = moves.iter().copied().collect();
        for pfn in &mut self.pages {
            *pfn = new_place.get(pfn).copied().unwrap_or(*pfn);
        }
        self.moves.extend(moves);
        pages
    }

    /// `balance_pgdat`: lets kswapd take back up to `most` pages for the zones that it was woken for. It sleeps once
    /// each zone is above its high mark or no more pages can be taken back. Returns the number of pages taken back.
    pub fn run_kswapd(&mut self, mm: &mut PageAllocator, most: u64) -> u64 {
        let mut taken = 0;
        for zone in
            (0..mm.zones.len() as u8).map(ZoneId).filter(|zone| self.awake >> zone.0 & 1 != 0).collect::<Vec<_>>()
        {
            let before = self.work.stolen;
            let balanced = self.balance(mm, zone, most.saturating_sub(taken));
            taken += self.work.stolen - before;
            if balanced {
                self.awake &= !(1 << zone.0);
                mm.kswapd_done(zone);
            }
        }
        taken
    }

    /// Takes back up to `most` pages, and returns whether kswapd has no more to do for a zone.
    fn balance(&mut self, mm: &mut PageAllocator, zone: ZoneId, most: u64) -> bool {
        let until = self.work.stolen.saturating_add(most);
        let mut in_vain = 0;
        loop {
            let z = &mm.zones[usize::from(zone.0)];
            // A round that took nothing may have written pages that the next round can take.
            if z.nr_free > z.marks.high + z.boost || in_vain > 1 {
                return true;
            }
            if self.work.stolen >= until {
                return false;
            }
            let (got, cost) = self.shrink_list(mm, zone, Flags::IO | Flags::FS, until - self.work.stolen);
            self.work.background_cost += cost;
            in_vain = if got > 0 { 0 } else { in_vain + 1 };
        }
    }

    /// `shrink_list`: takes back pages that requests for this zone could use, until there are `enough`, a cluster of
    /// dirty pages is being written, or all pages have been examined. Returns the number of pages taken back and the
    /// cost.
    fn shrink_list(&mut self, mm: &mut PageAllocator, zone: ZoneId, flags: Flags, enough: u64) -> (u64, u64) {
        let highest = mm.zones[usize::from(zone.0)].kind;
        let may_write = flags.contains(Flags::IO | Flags::FS);
        let enough = enough.min(SWAP_CLUSTER_MAX);
        let mut taken = 0;
        let mut writing = Vec::new();
        for _ in 0..self.pages.len() {
            if taken >= enough || writing.len() as u64 >= SWAP_CLUSTER_MAX {
                break;
            }
            let Some(pfn) = self.pages.pop_front() else { break };
            // A page that its owner has freed is no longer on the list, whoever owns it now.
            let Some((i, found)) = on_lru(mm, pfn) else { continue };
            self.work.scanned += 1;
            let usable = mm.zone_of(pfn).is_some_and(|z| mm.zones[usize::from(z.0)].kind <= highest);
            let dirty = found.contains(PageFlags::DIRTY) && !found.contains(PageFlags::WRITEBACK);
            if !usable || mm.is_still_used(i) || dirty && !may_write {
                self.pages.push_back(pfn);
            } else if found.contains(PageFlags::REFERENCED) {
                mm.map.set_flags(i, found.without(PageFlags::REFERENCED).bits());
                self.pages.push_back(pfn);
            } else if dirty {
                mm.map.set_flags(i, found.union(PageFlags::WRITEBACK).bits());
                writing.push(pfn);
            } else {
                let order = Order(mm.map.tag(i).order());
                let freed = mm.free_pages(pfn, order, Cpu(0));
                debug_assert_eq!(freed, Ok(()), "the block is allocated and nobody else uses it");
                taken += order.pages();
            }
        }
        let cost = taken * self.costs.reclaim + writing.len() as u64 * self.costs.write;
        self.work.stolen += taken;
        self.work.written += writing.len() as u64;
        // The pages that were written are the first to be taken next time (`folio_rotate_reclaimable`).
        writing.into_iter().rev().for_each(|pfn| self.pages.push_front(pfn));
        (taken, cost)
    }
}

/// Returns the index and the flags of a block that is still on the list.
fn on_lru(mm: &PageAllocator, pfn: Pfn) -> Option<(u32, PageFlags)> {
    let i = mm.allocated(pfn).ok()?;
    Some((i, PageFlags(mm.map.flags(i)))).filter(|(_, flags)| flags.contains(PageFlags::LRU))
}

impl Pressure for Lru {
    /// Marks kswapd as woken. It is a thread of its own and runs when [`Lru::run_kswapd`] is called.
    fn kswapd(&mut self, mm: &mut PageAllocator, zone: ZoneId) {
        self.awake |= 1 << zone.0;
        mm.set_reclaim_active(zone);
    }

    fn reclaim(&mut self, mm: &mut PageAllocator, zone: ZoneId, _: Order, flags: Flags) -> u64 {
        let (taken, cost) = self.shrink_list(mm, zone, flags, SWAP_CLUSTER_MAX);
        self.work.direct_cost += cost;
        taken
    }

    fn reclaimable(&self, mm: &PageAllocator, zone: ZoneId) -> u64 {
        let pages = |pfn: &Pfn| {
            on_lru(mm, *pfn).filter(|_| mm.zone_of(*pfn) == Some(zone)).map_or(0, |(i, _)| 1 << mm.map.tag(i).order())
        };
        self.pages.iter().map(pages).sum()
    }

    fn compact(&mut self, mm: &mut PageAllocator, zone: ZoneId, order: Order) -> bool {
        if !self.compacts {
            return false;
        }
        let moves = mm.compact_zone(zone, order);
        self.work.direct_cost += self.follow(mm, moves) * self.costs.migrate;
        mm.zones[usize::from(zone.0)].has_ordinary_block(order.0)
    }
}
