//! Reclaim, as `mm/vmscan.c` does it: a list of pages whose owners can do without them, which kswapd and direct reclaim
//! take back from its cold end.

use alloc::{
    collections::{BTreeMap, VecDeque},
    vec::Vec,
};
use core::mem;

use crate::{Cpu, Flags, Misuse, Order, PageAllocator, PageFlags, Pfn, Pressure, ZoneId};

/// Pages taken back, or written out, in one round (`SWAP_CLUSTER_MAX`).
const SWAP_CLUSTER_MAX: u64 = 32;

/// What the work costs, in whatever unit the caller thinks in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Costs {
    /// Taking back one page.
    pub reclaim: u64,
    /// Writing one dirty page to disk first.
    pub write: u64,
    /// Moving one page.
    pub migrate: u64,
}

/// What reclaim and compaction have done so far, in pages, and what it has cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Work {
    /// Blocks looked at (`pgscan`).
    pub scanned: u64,
    /// Pages taken back (`pgsteal`).
    pub stolen: u64,
    /// Blocks written to disk, to be taken back later.
    pub written: u64,
    /// Pages moved by compaction (`pgmigrate_success`).
    pub migrated: u64,
    /// Cost of what requests waited for: direct reclaim and direct compaction.
    pub direct_cost: u64,
    /// Cost of what kswapd did meanwhile.
    pub background_cost: u64,
}

/// Reclaim of the pages that were put here and, if it is wanted, compaction of all that can move.
///
/// A page that was used since the last look (`REFERENCED`) gets a second chance. A dirty one is written out first,
/// which is over by the next round; whoever may not start I/O or call the file system must pass it by.
pub struct Lru {
    /// Whether direct compaction moves pages: their owners must then follow [`Lru::take_moves`].
    pub compacts: bool,
    costs: Costs,
    /// First frames of blocks, from the coldest to the one used last.
    pages: VecDeque<Pfn>,
    /// Zones whose kswapd was woken and has not finished: bit by [`ZoneId`].
    awake: u32,
    moves: Vec<(Pfn, Pfn)>,
    work: Work,
}

impl Lru {
    /// Nothing to reclaim yet, and no compaction.
    pub fn new(costs: Costs) -> Self {
        Self { compacts: false, costs, pages: VecDeque::new(), awake: 0, moves: Vec::new(), work: Work::default() }
    }

    /// `folio_add_lru`: from now on the block may be taken back. Whether it is `REFERENCED` or `DIRTY` stays its
    /// owner's to say.
    ///
    /// # Errors
    /// When the frame is not the start of an allocated block.
    pub fn add(&mut self, mm: &mut PageAllocator, pfn: Pfn) -> Result<(), Misuse> {
        let i = mm.callers_own(pfn)?;
        mm.set_owned(i, PageFlags::LRU, true);
        self.pages.push_back(pfn);
        Ok(())
    }

    /// What was done so far.
    pub const fn work(&self) -> Work {
        self.work
    }

    /// Old and new frame of every block that compaction has moved since the last call, in order. The pages to be
    /// reclaimed are known to have moved; whoever else keeps numbers of movable pages learns it here, before noting the
    /// page that the request got: it may lie where one was that moved away.
    pub fn take_moves(&mut self) -> Vec<(Pfn, Pfn)> {
        mem::take(&mut self.moves)
    }

    /// A write to `/proc/sys/vm/compact_memory`: every zone is compacted, whatever is free in it.
    pub fn compact_memory(&mut self, mm: &mut PageAllocator) {
        for zone in (0..mm.zones.len() as u8).map(ZoneId) {
            let moves = mm.compact_whole_zone(zone);
            self.follow(mm, moves);
        }
    }

    /// Takes note of the blocks that compaction has moved; returns how many pages they have.
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

    /// kswapd gets the processor (`balance_pgdat`): it takes back at most so many pages for the zones it was woken for,
    /// and sleeps once each is above its high mark or nothing more is to be had. Returns how many it took.
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

    /// Whether kswapd has no more to do for a zone, after taking back at most so many pages.
    fn balance(&mut self, mm: &mut PageAllocator, zone: ZoneId, most: u64) -> bool {
        let until = self.work.stolen.saturating_add(most);
        let mut in_vain = 0;
        loop {
            let z = &mm.zones[usize::from(zone.0)];
            // A round that took nothing may have written what the next one takes.
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
    /// dirty ones is on its way to the disk, or all have been looked at. Returns how many it took, and what it cost.
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
            // A page that its owner has freed is no longer ours, whoever has it now.
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
        // What was written is the first to go next time (`folio_rotate_reclaimable`).
        writing.into_iter().rev().for_each(|pfn| self.pages.push_front(pfn));
        (taken, cost)
    }
}

/// Index and flags of a block that is still on the list.
fn on_lru(mm: &PageAllocator, pfn: Pfn) -> Option<(u32, PageFlags)> {
    let i = mm.allocated(pfn).ok()?;
    Some((i, PageFlags(mm.map.flags(i)))).filter(|(_, flags)| flags.contains(PageFlags::LRU))
}

impl Pressure for Lru {
    /// kswapd is a thread: it runs when [`Lru::run_kswapd`] lets it.
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
