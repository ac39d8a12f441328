//! The rules that distinguish the kernel generations, each tested on its own.

use reference::{
    AllocError, Config, Cpu, FrameState, Generation, Layout, Migratetype, NodeId, Order, PageAllocator, PcpSizes, Pfn,
    Tunables, Watermarks, ZoneId, ZoneSpec, ZoneType,
};

const CPU: Cpu = Cpu(0);
const NODE: NodeId = NodeId(0);
const START: u64 = 1 << 20;
const NORMAL: ZoneId = ZoneId(0);

/// Returns a machine with one NORMAL zone of `pageblocks` pageblocks, without marks and per-CPU lists, with all memory
/// held.
fn bare(generation: Generation, pageblocks: u64) -> PageAllocator {
    let mut config = config(generation, pageblocks);
    config.rules.per_cpu_lists = false;
    PageAllocator::held(config)
}

fn config(generation: Generation, pageblocks: u64) -> Config {
    let mut layout = Layout::x86_64(START + pageblocks * 512, 2);
    layout.zones.retain(|z| z.kind == ZoneType::Normal);
    let mut config = Config::new(layout, generation);
    config.tunables =
        Tunables { min_free_kbytes: Some(0), watermark_scale_factor: 0, watermark_boost_factor: 0, thp: false };
    config
}

/// Sets a pageblock's type and puts free blocks into the pageblock.
fn seed(mm: &mut PageAllocator, pageblock: u64, mt: Migratetype, blocks: &[(u64, u8)]) {
    let at = START + pageblock * 512;
    mm.seed_pageblock(Pfn(at), mt).unwrap();
    for (offset, order) in blocks {
        mm.seed_free_block(Pfn(at + offset), Order(*order), mt).unwrap();
    }
}

fn alloc(mm: &mut PageAllocator, mask: &str, order: u8) -> Result<u64, AllocError> {
    mm.alloc_pages(mm.mask(mask), Order(order), CPU, NODE).map(|pfn| pfn.0 - START)
}

fn by_type(mm: &PageAllocator, order: usize) -> [u64; 3] {
    let s = mm.zone_stats(NORMAL);
    [Migratetype::Unmovable, Migratetype::Movable, Migratetype::Reclaimable].map(|mt| s.free_blocks[order][mt.index()])
}

#[test]
fn freed_blocks_go_to_the_tail_when_a_merge_is_near() {
    for (generation, next) in [(Generation::Textbook, 0), (Generation::V6_1, 64), (Generation::V6_18, 64)] {
        let mut mm = bare(generation, 1);
        // Order-0 page 64 is on the list; page 0 is freed beside a free order-1 block at 2, so its merge is near.
        seed(&mut mm, 0, Migratetype::Movable, &[(64, 0), (2, 1)]);
        mm.free_held(Pfn(START), Order(0), CPU).unwrap();
        assert_eq!(alloc(&mut mm, "GFP_HIGHUSER_MOVABLE", 0), Ok(next), "{generation:?}");
        // A page whose merge is not near goes to the head.
        let mut mm = bare(generation, 1);
        seed(&mut mm, 0, Migratetype::Movable, &[(64, 0)]);
        mm.free_held(Pfn(START), Order(0), CPU).unwrap();
        assert_eq!(alloc(&mut mm, "GFP_HIGHUSER_MOVABLE", 0), Ok(0), "{generation:?}");
        mm.validate().unwrap();
    }
}

#[test]
fn what_a_split_leaves_is_used_before_older_blocks() {
    for generation in [Generation::Textbook, Generation::V6_12] {
        let mut mm = bare(generation, 2);
        seed(&mut mm, 0, Migratetype::Movable, &[(0, 3), (16, 1)]);
        // The unmovable request splits the larger block; the rest of order 1 is on the list in front of the block at
        // 16.
        assert_eq!(alloc(&mut mm, "GFP_KERNEL", 0), Ok(0), "{generation:?}");
        assert_eq!(alloc(&mut mm, "GFP_HIGHUSER_MOVABLE", 1), Ok(2), "{generation:?}");
        assert_eq!(alloc(&mut mm, "GFP_HIGHUSER_MOVABLE", 1), Ok(16), "{generation:?}");
        mm.validate().unwrap();
    }
}

#[test]
fn an_unmovable_request_in_a_movable_pageblock() {
    // The movable pageblock has one free block of order 3 and one of order 1; its other pages are in use by movable
    // pages.
    let blocks = [(0, 3), (16, 1)];
    let after = |generation| {
        let mut mm = bare(generation, 2);
        seed(&mut mm, 0, Migratetype::Movable, &blocks);
        let got = alloc(&mut mm, "GFP_KERNEL", 0).unwrap();
        mm.validate().unwrap();
        let lists: Vec<[u64; 3]> = (0..4).map(|o| by_type(&mm, o)).collect();
        (got, lists, mm.zone_stats(NORMAL).extfrag)
    };
    // 2.6.34: the largest block is below half a pageblock's order, so only this block is split, on the list that it
    // came from.
    assert_eq!(after(Generation::Textbook), (0, vec![[0, 1, 0], [0, 2, 0], [0, 1, 0], [0, 0, 0]], 1));
    // 6.1: all free pages of the pageblock move to the unmovable lists, and then the smallest block is used.
    assert_eq!(after(Generation::V6_1), (16, vec![[1, 0, 0], [0, 0, 0], [0, 0, 0], [1, 0, 0]], 1));
    // 6.12: the pageblock has too few free or compatible pages to be claimed; the largest block is split and stays
    // movable.
    assert_eq!(after(Generation::V6_12), (0, vec![[0, 1, 0], [0, 2, 0], [0, 1, 0], [0, 0, 0]], 1));
    // 6.15 and later: nothing can be claimed, so the smallest block is stolen and stays movable.
    assert_eq!(after(Generation::V6_18), (16, vec![[0, 1, 0], [0, 0, 0], [0, 0, 0], [0, 1, 0]], 1));
}

#[test]
fn a_mostly_free_pageblock_changes_hands() {
    for generation in Generation::ALL {
        let mut mm = bare(generation, 2);
        seed(&mut mm, 0, Migratetype::Movable, &[(0, 8), (256, 3)]);
        assert_eq!(mm.zone_stats(NORMAL).pageblocks[Migratetype::Movable.index()], 2);
        alloc(&mut mm, "GFP_KERNEL", 0).unwrap();
        let s = mm.zone_stats(NORMAL);
        assert_eq!(s.pageblocks[Migratetype::Unmovable.index()], 1, "{generation:?}");
        assert_eq!((s.extfrag, s.extfrag_changed, s.extfrag_fragmenting), (1, 1, 1));
        assert_eq!(
            s.free_blocks.iter().map(|types| types[Migratetype::Movable.index()]).sum::<u64>(),
            0,
            "all free pages moved along"
        );
        mm.validate().unwrap();
    }
}

#[test]
fn movable_requests_take_the_smallest_foreign_block() {
    for generation in [Generation::V6_1, Generation::V6_12, Generation::V6_18] {
        let mut mm = bare(generation, 2);
        seed(&mut mm, 0, Migratetype::Unmovable, &[(0, 3), (16, 1)]);
        assert_eq!(alloc(&mut mm, "GFP_HIGHUSER_MOVABLE", 0), Ok(16), "{generation:?}");
        mm.validate().unwrap();
    }
    let mut mm = bare(Generation::Textbook, 2);
    seed(&mut mm, 0, Migratetype::Unmovable, &[(0, 3), (16, 1)]);
    assert_eq!(alloc(&mut mm, "GFP_HIGHUSER_MOVABLE", 0), Ok(0), "2.6.34 takes the largest");
}

#[test]
fn reclaimable_falls_back_to_unmovable_first() {
    for generation in Generation::ALL {
        let mut mm = bare(generation, 2);
        seed(&mut mm, 0, Migratetype::Movable, &[(0, 1)]);
        seed(&mut mm, 1, Migratetype::Unmovable, &[(0, 1)]);
        assert_eq!(alloc(&mut mm, "GFP_KERNEL|__GFP_RECLAIMABLE", 1), Ok(512), "{generation:?}");
        mm.validate().unwrap();
    }
}

#[test]
fn per_cpu_lists_are_filled_in_order_and_drained_from_the_tail() {
    for generation in [Generation::V6_1, Generation::V6_12, Generation::V6_18] {
        let mut config = config(generation, 64);
        config.rules.per_cpu_lists = true;
        let mut mm = PageAllocator::new(config);
        let batch = u64::from(reference::pcp_sizes(64 * 512, 0, 2).batch);
        // The blocks of a refill are used in the order in which the buddy system gave them.
        let got: Vec<u64> = (0..4).map(|_| alloc(&mut mm, "GFP_KERNEL", 0).unwrap()).collect();
        assert_eq!(got, [got[0], got[0] + 1, got[0] + 2, got[0] + 3], "{generation:?}");
        assert_eq!(mm.zone_stats(NORMAL).pcp + 4, batch);
        // The page freed last is used first, and the page that has been on the list longest is given back first.
        for pfn in &got {
            mm.free_pages(Pfn(START + pfn), Order(0), CPU).unwrap();
        }
        assert_eq!(alloc(&mut mm, "GFP_KERNEL", 0), Ok(got[3]));
        mm.free_pages(Pfn(START + got[3]), Order(0), CPU).unwrap();
        let mut n = 0;
        while mm.zone_stats(NORMAL).pcp_drains == 0 {
            let pfn = mm.alloc_pages(mm.mask("GFP_KERNEL"), Order(0), Cpu(1), NODE).unwrap();
            mm.free_pages(pfn, Order(0), CPU).unwrap();
            n += 1;
            assert!(n < 100_000, "{generation:?}: the list never gives anything back");
        }
        let last = Pfn(START + got[0] + batch - 1);
        assert!(
            matches!(mm.frame(last), FrameState::Free { .. }),
            "{generation:?}: the tail of the first refill went back first"
        );
        mm.validate().unwrap();
    }
}

#[test]
fn unmovable_requests_spill_into_dma32_before_they_break_a_pageblock() {
    for (generation, zone) in [
        (Generation::Textbook, ZoneType::Normal),
        (Generation::V6_1, ZoneType::Dma32),
        (Generation::V6_18, ZoneType::Dma32),
    ] {
        let mut config = Config::new(Layout::x86_64(START + 8 * 512, 1), generation);
        config.rules.per_cpu_lists = false;
        config.tunables = Tunables { min_free_kbytes: Some(0), watermark_scale_factor: 0, ..Tunables::default() };
        let mut mm = PageAllocator::held(config);
        // NORMAL has only movable blocks below pageblock order; DMA32 has a whole pageblock.
        mm.seed_free_block(Pfn(START), Order(8), Migratetype::Movable).unwrap();
        mm.seed_free_block(Pfn(1024 * 512), Order(10), Migratetype::Movable).unwrap();
        let unmovable = mm.mask("GFP_KERNEL");
        let pfn = mm.alloc_pages(unmovable, Order(0), CPU, NODE).unwrap();
        assert_eq!(mm.zone_stats(mm.zone_of(pfn).unwrap()).kind, zone, "{generation:?}");
        mm.validate().unwrap();
    }
}

#[test]
fn a_zone_is_tried_on_every_node_before_giving_up() {
    let mut layout = Layout::x86_64(START + 4096, 1);
    layout.zones.retain(|z| z.kind == ZoneType::Normal);
    let far = ZoneSpec { node: NodeId(1), start_pfn: START + 8192, ..layout.zones[0].clone() };
    layout.zones.push(far);
    let mut mm = PageAllocator::new(Config::new(layout, Generation::V6_18));
    let (kernel, local) = (mm.mask("GFP_KERNEL"), mm.mask("GFP_KERNEL|__GFP_THISNODE"));
    let node = |mm: &PageAllocator, pfn| mm.zone_stats(mm.zone_of(pfn).unwrap()).node;
    let first = mm.alloc_pages(kernel, Order(4), CPU, NodeId(1)).unwrap();
    assert_eq!(node(&mm, first), NodeId(1));
    while mm.alloc_pages(local, Order(4), CPU, NodeId(1)).is_ok() {}
    let next = mm.alloc_pages(kernel, Order(4), CPU, NodeId(1)).unwrap();
    assert_eq!(node(&mm, next), NodeId(0), "the other node serves");
    assert!(mm.alloc_pages(local, Order(4), CPU, NodeId(1)).is_err(), "unless this node was asked for");
    mm.validate().unwrap();
}

/// Returns how far below the min mark a mask may go, as a share of the mark.
fn lowest(generation: Generation, mask: &str) -> f64 {
    let mut layout = Layout::x86_64(START + (1 << 16), 1);
    layout.zones.retain(|z| z.kind == ZoneType::Normal);
    let mut config = Config::new(layout, generation);
    config.rules.per_cpu_lists = false;
    let mut mm = PageAllocator::new(config);
    while alloc(&mut mm, mask, 0).is_ok() {}
    mm.validate().unwrap();
    mm.free_page_count(NORMAL) as f64 / mm.zone_stats(NORMAL).watermarks.min as f64
}

#[test]
fn the_reserve_is_opened_as_far_as_each_generation_says() {
    for (generation, mask, share) in [
        // HIGH halves the mark, and a request that cannot wait takes another quarter off.
        (Generation::Textbook, "GFP_ATOMIC", 3.0 / 8.0),
        (Generation::V6_1, "GFP_ATOMIC", 3.0 / 8.0),
        (Generation::V6_12, "GFP_ATOMIC", 3.0 / 8.0),
        (Generation::V6_18, "GFP_ATOMIC", 3.0 / 8.0),
        (Generation::Textbook, "GFP_NOWAIT", 3.0 / 4.0),
        (Generation::V6_1, "GFP_NOWAIT", 1.0),
        (Generation::V6_18, "GFP_NOWAIT", 1.0),
        (Generation::V6_18, "GFP_KERNEL", 1.0),
        (Generation::V6_18, "GFP_KERNEL|__GFP_HIGH", 0.5),
        (Generation::V6_18, "GFP_ATOMIC|__GFP_NOMEMALLOC", 0.5),
        (Generation::V6_18, "GFP_KERNEL|__GFP_MEMALLOC", 0.0),
    ] {
        let found = lowest(generation, mask);
        assert!(
            (found - share).abs() < 0.01,
            "{generation:?}: {mask} goes down to {found:.3} of the mark, not {share:.3}"
        );
    }
}

#[test]
fn high_order_atomic_requests_keep_a_pageblock() {
    for generation in [Generation::V6_1, Generation::V6_12, Generation::V6_18] {
        let mut layout = Layout::x86_64(START + (1 << 18), 1);
        layout.zones.retain(|z| z.kind == ZoneType::Normal);
        let mut mm = PageAllocator::new(Config::new(layout, generation));
        // The zone goes down to the low mark, so that the next request enters the slow path, where the pageblock is
        // reserved.
        while mm.counters().slowpath == 0 {
            alloc(&mut mm, "GFP_KERNEL|__GFP_NORETRY", 3).unwrap();
        }
        assert_eq!(mm.zone_stats(NORMAL).reserved_highatomic, 0);
        alloc(&mut mm, "GFP_ATOMIC", 3).unwrap();
        let s = mm.zone_stats(NORMAL);
        assert_eq!((s.reserved_highatomic, s.pageblocks[Migratetype::HighAtomic.index()]), (512, 1), "{generation:?}");
        mm.validate().unwrap();
        // The last reserved pageblock is given up only when the next step is the OOM killer. It takes the type of the
        // request that needs it.
        let movable = s.pageblocks[Migratetype::Movable.index()];
        assert!(!mm.unreserve_highatomic(Migratetype::Movable, false));
        assert!(mm.unreserve_highatomic(Migratetype::Movable, true));
        let s = mm.zone_stats(NORMAL);
        assert_eq!(
            (s.reserved_highatomic, s.free_highatomic, s.pageblocks[Migratetype::Movable.index()]),
            (0, 0, movable + 1)
        );
        mm.validate().unwrap();
    }
}

#[test]
fn a_zone_gives_down_to_its_mark_and_not_one_page_more() {
    for generation in Generation::ALL {
        let mut mm = bare(generation, 1);
        mm.set_watermarks(NORMAL, Watermarks { min: 10, low: 10, high: 10, promo: 10 });
        seed(&mut mm, 0, Migratetype::Unmovable, &(0..11).map(|k| (2 * k, 0)).collect::<Vec<_>>());
        assert!(alloc(&mut mm, "GFP_NOWAIT", 0).is_ok(), "{generation:?}");
        assert_eq!(alloc(&mut mm, "GFP_KERNEL|__GFP_NORETRY", 0), Err(AllocError::BelowWatermark), "{generation:?}");
        mm.validate().unwrap();
    }
}

#[test]
fn a_pageblock_is_claimed_once_half_of_it_is_free_or_alike() {
    for (movable, claimed) in [(4, true), (3, false)] {
        let mut mm = bare(Generation::V6_18, 2);
        // The pageblock has the smallest block that may be claimed for movable pages, of order 4, and 240 movable pages
        // or 8 fewer.
        seed(&mut mm, 0, Migratetype::Unmovable, &[(0, 4)]);
        for (at, order) in [(128, 7), (64, 6), (32, 5), (256, movable)] {
            mm.seed_allocated(Pfn(START + at), Order(order), Migratetype::Movable).unwrap();
        }
        alloc(&mut mm, "GFP_HIGHUSER_MOVABLE", 0).unwrap();
        assert_eq!(mm.zone_stats(NORMAL).pageblocks[Migratetype::Movable.index()], 1 + u64::from(claimed));
        mm.validate().unwrap();
    }
}

#[test]
fn huge_pages_that_move_have_a_list_of_their_own() {
    let mut mm = PageAllocator::held(config(Generation::V6_18, 8));
    mm.set_pcp_sizes(NORMAL, PcpSizes { batch: 63, high_min: 4000, high_max: 4000 });
    seed(&mut mm, 0, Migratetype::Unmovable, &[]);
    seed(&mut mm, 4, Migratetype::Movable, &[(0, 10)]);
    mm.free_held(Pfn(START), Order(9), CPU).unwrap();
    mm.free_held(Pfn(START + 512), Order(9), CPU).unwrap();
    assert_eq!(mm.zone_stats(NORMAL).pcp, 1024);
    assert_eq!(alloc(&mut mm, "GFP_KERNEL", 9), Ok(0));
    assert_eq!(alloc(&mut mm, "GFP_HIGHUSER_MOVABLE", 9), Ok(512));
    mm.validate().unwrap();
}

#[test]
fn a_page_freed_into_the_reserve_joins_it_or_takes_its_neighbour_out() {
    // A free page of the reserve has a neighbour that is freed. Until 6.9 a page on a per-CPU list keeps the list's
    // type, so the two become movable.
    for (generation, reserve) in [(Generation::V6_1, 0), (Generation::V6_12, 2), (Generation::V6_18, 2)] {
        let mut mm = PageAllocator::held(config(generation, 2));
        seed(&mut mm, 0, Migratetype::HighAtomic, &[(1, 0)]);
        mm.free_held(Pfn(START), Order(0), CPU).unwrap();
        mm.drain_all();
        let s = mm.zone_stats(NORMAL);
        assert_eq!((s.free, s.free_highatomic, s.free_by_order()[1]), (2, reserve, 1), "{generation:?}");
        mm.validate().unwrap();
    }
}

#[test]
fn marks_and_lists_follow_the_managed_pages() {
    for generation in Generation::ALL {
        let layout = |pages| Layout::x86_64(START + pages, 2);
        let mut mm = PageAllocator::new(Config::new(layout(1 << 18), generation));
        let fresh = PageAllocator::new(Config::new(layout(1 << 17), generation));
        // A balloon takes half of NORMAL.
        mm.set_managed(ZoneId(2), 1 << 17);
        for (zone, other) in mm.stats().iter().zip(&fresh.stats()) {
            assert_eq!((zone.managed, zone.watermarks), (other.managed, other.watermarks), "{generation:?}");
        }
        let sizes = |text: &str| {
            let ours = ["min ", "low ", "high", "protection", "batch"];
            text.lines()
                .filter(|line| ours.iter().any(|key| line.trim().starts_with(key)))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(sizes(&mm.zoneinfo()), sizes(&fresh.zoneinfo()), "{generation:?}");
        mm.set_managed(ZoneId(2), 0);
        let pfn = mm.alloc_pages(mm.mask("GFP_KERNEL"), Order(0), CPU, NODE).unwrap();
        assert_eq!(
            mm.zone_stats(mm.zone_of(pfn).unwrap()).kind,
            ZoneType::Dma32,
            "{generation:?}: a zone without managed pages is on no zonelist"
        );
        mm.validate().unwrap();
    }
}

#[test]
fn cma_serves_movable_requests_only() {
    for generation in [Generation::V6_1, Generation::V6_12, Generation::V6_18] {
        let mut config = config(generation, 8);
        config.rules.per_cpu_lists = false;
        let mut mm = PageAllocator::new(config);
        mm.reserve_cma(Pfn(START + 1024), 3 * 512).unwrap();
        assert_eq!(mm.zone_stats(NORMAL).free_cma, 1536);
        mm.validate().unwrap();
        while alloc(&mut mm, "GFP_KERNEL", 0).is_ok() {}
        let s = mm.zone_stats(NORMAL);
        assert_eq!(s.free_cma, 1536, "{generation:?}: unmovable requests keep off");
        let got = alloc(&mut mm, "GFP_HIGHUSER_MOVABLE", 0).unwrap();
        assert!((1024..1024 + 1536).contains(&got), "{generation:?}: movable ones borrow it: {got}");
        mm.validate().unwrap();
    }
}

#[test]
fn isolated_pageblocks_are_out_of_reach_and_come_back() {
    for generation in Generation::ALL {
        let mut mm = PageAllocator::new(config(generation, 4));
        let page = mm.alloc_pages(mm.mask("GFP_KERNEL"), Order(0), CPU, NODE).unwrap();
        let before = mm.zone_stats(NORMAL);
        mm.isolate_pageblock(page).unwrap();
        mm.validate().unwrap();
        let s = mm.zone_stats(NORMAL);
        assert_eq!(s.free_isolated, 511, "{generation:?}");
        assert_eq!(s.free + s.free_isolated, before.free + before.pcp);
        // Pages that are freed in the isolated pageblock stay there.
        mm.free_pages(page, Order(0), CPU).unwrap();
        assert_eq!(mm.zone_stats(NORMAL).free_isolated, 512);
        let block = page.0 / 512 * 512;
        while let Ok(pfn) = mm.alloc_pages(mm.mask("GFP_KERNEL"), Order(0), CPU, NODE) {
            assert_ne!(pfn.0 / 512 * 512, block);
        }
        mm.unisolate_pageblock(page, Migratetype::Movable).unwrap();
        assert_eq!(mm.zone_stats(NORMAL).free_isolated, 0);
        assert!(mm.alloc_pages(mm.mask("GFP_HIGHUSER_MOVABLE"), Order(0), CPU, NODE).is_ok());
        mm.validate().unwrap();
    }
}

#[test]
fn contiguous_ranges_are_taken_and_given_back() {
    let mut mm = PageAllocator::new(config(Generation::V6_18, 8));
    let before = mm.free_blocks(NORMAL);
    mm.alloc_contig_range(Pfn(START + 300), 1000).unwrap();
    assert_eq!(mm.alloc_contig_range(Pfn(START + 1200), 10), Err(AllocError::Fragmented));
    mm.validate().unwrap();
    mm.free_contig_range(Pfn(START + 300), 1000, CPU).unwrap();
    mm.drain_all();
    assert_eq!(mm.free_blocks(NORMAL), before);
    mm.validate().unwrap();
}

#[test]
fn mixed_pageblocks_boost_the_marks_until_kswapd_has_run() {
    struct Asleep;
    impl reference::Pressure for Asleep {
        fn kswapd(&mut self, _: &mut PageAllocator, _: ZoneId) {}
    }
    for (generation, boost) in [(Generation::Textbook, 0), (Generation::V6_1, 512), (Generation::V6_18, 512)] {
        let mut config = config(generation, 8);
        config.rules.per_cpu_lists = false;
        config.tunables.watermark_boost_factor = 15_000;
        let mut mm = PageAllocator::held(config);
        seed(&mut mm, 0, Migratetype::Movable, &[(0, 8), (256, 7)]);
        mm.alloc_pages_under(&mut Asleep, mm.mask("GFP_KERNEL"), Order(0), CPU, NODE).unwrap();
        assert_eq!(mm.zone_stats(NORMAL).boost, boost, "{generation:?}");
        mm.kswapd_done(NORMAL);
        assert_eq!(mm.zone_stats(NORMAL).boost, 0);
        mm.validate().unwrap();
    }
}
