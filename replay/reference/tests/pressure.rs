//! Reclaim and compaction as a policy: their effect on requests, kswapd and page owners.

use std::collections::BTreeMap;

use reference::{
    AllocError, Config, Costs, Cpu, FrameState, FreeBlocks, Generation, Layout, Lru, Misuse, NodeId, Order,
    PageAllocator, PageFlags, Pfn, Tunables, ZoneId, ZoneType,
};

const CPU: Cpu = Cpu(0);
const NODE: NodeId = NodeId(0);
const NORMAL: ZoneId = ZoneId(0);
const COSTS: Costs = Costs { reclaim: 1, write: 100, migrate: 10 };

/// Returns the configuration of a machine with 256 MiB in one NORMAL zone.
fn config(generation: Generation) -> Config {
    let mut layout = Layout::x86_64((1 << 20) + (1 << 16), 1);
    layout.zones.retain(|z| z.kind == ZoneType::Normal);
    Config::new(layout, generation)
}

fn machine(generation: Generation) -> PageAllocator {
    PageAllocator::new(config(generation))
}

/// Fills memory with page cache until a request finds every zone below the low mark. `flags` returns the flags of the
/// nth page.
fn filled(generation: Generation, flags: impl Fn(usize) -> PageFlags) -> (PageAllocator, Lru, Vec<Pfn>) {
    let (mut mm, mut lru, mut pages) = (machine(generation), Lru::new(COSTS), Vec::new());
    let cache = mm.mask("GFP_HIGHUSER_MOVABLE|__GFP_NORETRY");
    for n in 0.. {
        let pfn = mm.alloc_pages(cache, Order(0), CPU, NODE).unwrap();
        mm.set_page_flags(pfn, flags(n)).unwrap();
        lru.add(&mut mm, pfn).unwrap();
        pages.push(pfn);
        if mm.counters().slowpath > 0 {
            break;
        }
    }
    (mm, lru, pages)
}

fn clean(_: usize) -> PageFlags {
    PageFlags::default()
}

/// Takes pages with `mask` until the next request would have to reclaim.
fn down_to_the_minimum(mm: &mut PageAllocator, mask: &str) {
    let gfp = mm.mask(mask);
    while mm.alloc_pages(gfp, Order(0), CPU, NODE).is_ok() {}
}

#[test]
fn kswapd_stops_at_the_high_mark_and_takes_the_boost_away() {
    for generation in Generation::ALL {
        let (mut mm, mut lru, _) = filled(generation, clean);
        let kernel = mm.mask("GFP_KERNEL");
        mm.alloc_pages_under(&mut lru, kernel, Order(0), CPU, NODE).unwrap();
        let low = mm.zone_stats(NORMAL);
        assert!(low.free < low.watermarks.high, "{generation:?}: {low:?}");
        assert_eq!(lru.run_kswapd(&mut mm, 8), 8, "{generation:?}: no more than it is given time for");
        let taken = lru.run_kswapd(&mut mm, u64::MAX);
        mm.drain_all();
        let high = mm.zone_stats(NORMAL);
        assert!(
            high.free > high.watermarks.high && taken < 2 * (high.watermarks.high - low.free),
            "{generation:?}: took {taken}, {high:?}"
        );
        assert_eq!(
            (high.boost, lru.run_kswapd(&mut mm, u64::MAX)),
            (0, 0),
            "{generation:?}: it sleeps until it is woken"
        );
        assert_eq!((lru.work().background_cost, lru.work().direct_cost), (8 + taken, 0), "{generation:?}");
        mm.validate().unwrap();
    }
}

#[test]
fn what_was_used_of_late_is_reclaimed_last() {
    for generation in Generation::ALL {
        let (mut mm, mut lru, pages) =
            filled(generation, |n| if n < 16 { PageFlags::REFERENCED } else { PageFlags::default() });
        down_to_the_minimum(&mut mm, "GFP_KERNEL|__GFP_NORETRY");
        let kernel = mm.mask("GFP_KERNEL");
        mm.alloc_pages_under(&mut lru, kernel, Order(0), CPU, NODE).unwrap();
        // One round takes the 32 coldest pages, except for the 16 that had been used.
        assert_eq!((lru.work().scanned, lru.work().stolen), (48, 32), "{generation:?}");
        assert_eq!(lru.work().direct_cost, 32);
        assert!(
            pages[..16].iter().all(|pfn| mm.page(*pfn).is_some_and(|page| page.flags == PageFlags::LRU)),
            "{generation:?}"
        );
        mm.validate().unwrap();
    }
}

#[test]
fn dirty_pages_need_io_and_a_second_round() {
    for generation in Generation::ALL {
        let (mut mm, mut lru, _) = filled(generation, |_| PageFlags::DIRTY);
        down_to_the_minimum(&mut mm, "GFP_KERNEL|__GFP_NORETRY");
        let [noio, nofs, noretry, kernel] =
            ["GFP_NOIO", "GFP_NOFS", "GFP_KERNEL|__GFP_NORETRY", "GFP_KERNEL"].map(|m| mm.mask(m));
        for mask in [noio, nofs] {
            let failed = mm.alloc_pages_under(&mut lru, mask, Order(0), CPU, NODE);
            assert_eq!(
                (failed, lru.work().written),
                (Err(AllocError::BelowWatermark), 0),
                "{generation:?}: nothing clean, and nothing to be cleaned"
            );
        }
        assert_eq!(
            mm.alloc_pages_under(&mut lru, noretry, Order(0), CPU, NODE),
            Err(AllocError::BelowWatermark),
            "{generation:?}: one round only"
        );
        assert_eq!((lru.work().written, lru.work().stolen), (32, 0), "{generation:?}");
        let oom = mm.counters().oom;
        assert!(
            mm.alloc_pages_under(&mut lru, kernel, Order(0), CPU, NODE).is_ok(),
            "{generation:?}: the others go round until something is clean"
        );
        assert_eq!(
            mm.counters().oom,
            oom,
            "{generation:?}: nobody was killed as long as there was something to reclaim"
        );
        assert!(lru.work().direct_cost > 32 * COSTS.write);
        mm.validate().unwrap();
    }
}

#[test]
fn pages_in_use_are_not_reclaimed() {
    let mut mm = machine(Generation::V6_18);
    let mut lru = Lru::new(COSTS);
    let kernel = mm.mask("GFP_KERNEL");
    let [held, mapped, freed, idle] = core::array::from_fn(|_| mm.alloc_pages(kernel, Order(0), CPU, NODE).unwrap());
    for page in [held, mapped, freed, idle] {
        lru.add(&mut mm, page).unwrap();
    }
    mm.get_page(held).unwrap();
    mm.set_mapcount(mapped, 1).unwrap();
    for page in [held, mapped] {
        assert_eq!(mm.free_pages(page, Order(0), CPU), Err(Misuse::StillReferenced(page)));
    }
    // The page's owner has freed it; the owner that has the frame now did not put it on the list.
    mm.free_pages(freed, Order(0), CPU).unwrap();
    assert_eq!(mm.alloc_pages(kernel, Order(0), CPU, NODE), Ok(freed));
    down_to_the_minimum(&mut mm, "GFP_KERNEL|__GFP_NORETRY");
    assert!(mm.alloc_pages_under(&mut lru, kernel, Order(0), CPU, NODE).is_ok());
    assert_eq!(lru.work().stolen, 1);
    for page in [held, mapped, freed] {
        assert!(matches!(mm.frame(page), FrameState::Allocated { .. }));
    }
    mm.validate().unwrap();
}

/// Returns a machine full of single pages of one kind, every second of which was freed. Each page that stays has its
/// number in `private`.
fn checkered(generation: Generation, mask: &str) -> (PageAllocator, BTreeMap<Pfn, u32>) {
    let mut config = config(generation);
    config.tunables = Tunables { min_free_kbytes: Some(0), watermark_scale_factor: 0, ..config.tunables };
    let mut mm = PageAllocator::new(config);
    let gfp = mm.mask(mask);
    let mut pages = Vec::new();
    while let Ok(pfn) = mm.alloc_pages(gfp, Order(0), CPU, NODE) {
        pages.push(pfn);
    }
    pages.sort_unstable();
    let mut live = BTreeMap::new();
    for (n, pfn) in (0u32..).zip(pages) {
        if n % 2 == 0 {
            mm.free_pages(pfn, Order(0), CPU).unwrap();
        } else {
            mm.set_page_owner(pfn, n, 1, n).unwrap();
            live.insert(pfn, n);
        }
    }
    mm.drain_all();
    (mm, live)
}

#[test]
fn compaction_makes_a_block_of_scattered_pages_and_their_owners_follow() {
    for generation in Generation::ALL {
        let (mut mm, mut live) = checkered(generation, "GFP_HIGHUSER_MOVABLE|__GFP_NORETRY");
        let huge = mm.mask("GFP_HIGHUSER_MOVABLE|__GFP_NORETRY");
        let pinned = *live.keys().next().unwrap();
        mm.get_page(pinned).unwrap();
        let mut lru = Lru::new(COSTS);
        assert_eq!(
            mm.alloc_pages_under(&mut lru, huge, Order(9), CPU, NODE),
            Err(AllocError::Fragmented),
            "{generation:?}"
        );
        lru.compacts = true;
        let block =
            mm.alloc_pages_under(&mut lru, huge, Order(9), CPU, NODE).unwrap_or_else(|e| panic!("{generation:?}: {e}"));
        let moves = lru.take_moves();
        assert_eq!(lru.work().migrated, moves.len() as u64);
        assert_eq!(lru.work().direct_cost, moves.len() as u64 * COSTS.migrate);
        assert!(
            (256..1024).contains(&moves.len()),
            "{generation:?}: a pageblock or two are emptied, no more: {}",
            moves.len()
        );
        for (from, to) in moves {
            assert!(from < to, "from the low end to the high end");
            let owner = live.remove(&from).unwrap();
            live.insert(to, owner);
        }
        for (pfn, owner) in &live {
            let page = mm.page(*pfn).unwrap();
            assert_eq!((page.private, page.mapping, page.index), (*owner, 1, *owner), "{generation:?}: {pfn}");
        }
        assert!(live.contains_key(&pinned), "{generation:?}: what someone holds on to stays");
        assert!(matches!(mm.frame(block), FrameState::Allocated { order: Order(9), .. }));
        mm.validate().unwrap();
    }
}

#[test]
fn compaction_of_a_whole_zone_gathers_all_that_is_free() {
    for generation in Generation::ALL {
        let (mut mm, mut live) = checkered(generation, "GFP_HIGHUSER_MOVABLE|__GFP_NORETRY");
        let zone = mm.zone_of(*live.keys().next().unwrap()).unwrap();
        let blocks = |mm: &PageAllocator| FreeBlocks(mm.free_blocks(zone));
        let before = blocks(&mm);
        for (from, to) in mm.compact_whole_zone(zone) {
            let owner = live.remove(&from).unwrap();
            assert_eq!(mm.page(to).map(|page| page.private), Some(owner), "{generation:?}: {from} -> {to}");
            live.insert(to, owner);
        }
        let after = blocks(&mm);
        assert_eq!(after.pages(), before.pages(), "{generation:?}");
        // All free pages are in large blocks, except those in the pageblock where the scanners meet.
        assert!(
            before.suitable(9) < 2 && after.suitable(9) + 2 > after.pages() >> 9,
            "{generation:?}: {before:?} {after:?}"
        );
        assert!(mm.compact_whole_zone(zone).len() < 1024, "{generation:?}: there is little left to gather");
        mm.validate().unwrap();
    }
}

#[test]
fn pages_that_cannot_move_stay() {
    for generation in Generation::ALL {
        let (mut mm, live) = checkered(generation, "GFP_KERNEL|__GFP_NORETRY");
        let mut lru = Lru::new(COSTS);
        lru.compacts = true;
        let kernel = mm.mask("GFP_KERNEL|__GFP_NORETRY");
        assert_eq!(
            mm.alloc_pages_under(&mut lru, kernel, Order(9), CPU, NODE),
            Err(AllocError::Fragmented),
            "{generation:?}"
        );
        assert!(
            lru.take_moves().is_empty()
                && live.keys().all(|pfn| matches!(mm.frame(*pfn), FrameState::Allocated { .. }))
        );
        mm.validate().unwrap();
    }
}

#[test]
fn pages_on_the_reclaim_list_move_and_are_still_found_there() {
    for generation in Generation::ALL {
        let (mut mm, live) = checkered(generation, "GFP_HIGHUSER_MOVABLE|__GFP_NORETRY");
        let mut lru = Lru::new(COSTS);
        lru.compacts = true;
        for pfn in live.keys() {
            // A page used recently is not reclaimed in the first round, so that there is something to compact.
            mm.set_page_flags(*pfn, PageFlags::REFERENCED).unwrap();
            lru.add(&mut mm, *pfn).unwrap();
        }
        let huge = mm.mask("GFP_HIGHUSER_MOVABLE|__GFP_NORETRY");
        mm.alloc_pages_under(&mut lru, huge, Order(9), CPU, NODE).unwrap();
        assert!(!lru.take_moves().is_empty());
        // All these pages can still be taken back, wherever they are now.
        let kernel = mm.mask("GFP_KERNEL");
        while mm.alloc_pages_under(&mut lru, kernel, Order(0), CPU, NODE).is_ok() {}
        assert_eq!(lru.work().stolen, live.len() as u64, "{generation:?}");
        mm.validate().unwrap();
    }
}
