//! Rows T11 to T15 of the textbook: GFP flags, and their effect under memory pressure.

use reference::{
    AllocError, Config, Context, Costs, Flags, Generation, GfpTable, Layout, Lru, NodeId, Order, PageAllocator,
    PageFlags, Pfn, Pressure, Verdict, ZoneId, ZoneType, gfp_zone,
};

use crate::{CPU, x86_32, zone_kind};

#[test]
fn t11_action_modifiers() {
    let old = GfpTable::of(Generation::Textbook);
    let new = GfpTable::of(Generation::V6_18);
    let pairs = [
        ("__GFP_WAIT", "__GFP_DIRECT_RECLAIM|__GFP_KSWAPD_RECLAIM"),
        ("__GFP_HIGH", "__GFP_HIGH"),
        ("__GFP_IO", "__GFP_IO"),
        ("__GFP_FS", "__GFP_FS"),
        ("__GFP_NOWARN", "__GFP_NOWARN"),
        ("__GFP_REPEAT", "__GFP_RETRY_MAYFAIL"),
        ("__GFP_NOFAIL", "__GFP_NOFAIL"),
        ("__GFP_NORETRY", "__GFP_NORETRY"),
        ("__GFP_NOMEMALLOC", "__GFP_NOMEMALLOC"),
        ("__GFP_HARDWALL", "__GFP_HARDWALL"),
        ("__GFP_RECLAIMABLE", "__GFP_RECLAIMABLE"),
        ("__GFP_COMP", "__GFP_COMP"),
    ];
    for (then, now) in pairs {
        let (a, b) = (old.flags(old.encode(then).unwrap()), new.flags(new.encode(now).unwrap()));
        assert!(a.contains(b), "{then} means {now}: {a:?}, {b:?}");
    }
    assert_eq!(old.mask("__GFP_COLD"), Some(0x100));
    assert_eq!((new.mask("__GFP_COLD"), new.mask("__GFP_WAIT")), (None, None), "gone");
}

#[test]
fn t12_zone_modifiers() {
    let mut mm = x86_32();
    let none = mm.mask("GFP_KERNEL");
    assert_eq!(gfp_zone(mm.pages.gfp().flags(none.0)), Ok(ZoneType::Normal));
    let both = mm.mask("__GFP_DMA|__GFP_HIGHMEM");
    assert!(matches!(mm.alloc_page(both, CPU), Err(AllocError::BadZoneBits(_))));
    let high = mm.mask("GFP_HIGHUSER");
    assert_eq!(mm.kmalloc(100, high, CPU), Err(AllocError::HighMemHasNoAddress));
    assert_eq!(mm.get_free_page(high, CPU), Err(AllocError::HighMemHasNoAddress));
    assert!(mm.alloc_page(high, CPU).is_ok());
    // Without a modifier NORMAL is preferred, and DMA serves if necessary.
    let mut zones = Vec::new();
    while let Ok(pfn) = mm.alloc_pages(none, Order(8), CPU) {
        zones.push(zone_kind(&mm, pfn));
    }
    assert_eq!(zones[0], ZoneType::Normal);
    assert!(zones.contains(&ZoneType::Dma));
    assert!(!zones.contains(&ZoneType::HighMem));
    mm.validate().unwrap();
}

#[test]
fn t13_type_flags() {
    let expected: [(&str, [&str; 2]); 8] = [
        ("GFP_ATOMIC", ["__GFP_HIGH", "__GFP_HIGH|__GFP_KSWAPD_RECLAIM"]),
        ("GFP_NOWAIT", ["none", "__GFP_KSWAPD_RECLAIM|__GFP_NOWARN"]),
        ("GFP_NOIO", ["__GFP_WAIT", "__GFP_RECLAIM"]),
        ("GFP_NOFS", ["__GFP_WAIT|__GFP_IO", "__GFP_RECLAIM|__GFP_IO"]),
        ("GFP_KERNEL", ["__GFP_WAIT|__GFP_IO|__GFP_FS", "__GFP_RECLAIM|__GFP_IO|__GFP_FS"]),
        ("GFP_USER", ["__GFP_WAIT|__GFP_IO|__GFP_FS|__GFP_HARDWALL", "__GFP_RECLAIM|__GFP_IO|__GFP_FS|__GFP_HARDWALL"]),
        ("GFP_HIGHUSER", ["GFP_USER|__GFP_HIGHMEM", "GFP_USER|__GFP_HIGHMEM"]),
        ("GFP_DMA", ["__GFP_DMA", "__GFP_DMA"]),
    ];
    for (generation, column) in [(Generation::Textbook, 0), (Generation::V6_12, 1), (Generation::V6_18, 1)] {
        let table = GfpTable::of(generation);
        for (name, parts) in expected {
            assert_eq!(table.encode(name), table.encode(parts[column]), "{generation:?}: {name}");
        }
    }
    let table = GfpTable::of(Generation::V6_1);
    assert_eq!(table.encode("GFP_ATOMIC"), table.encode("__GFP_HIGH|__GFP_ATOMIC|__GFP_KSWAPD_RECLAIM"));
    assert_eq!(table.encode("GFP_NOWAIT"), table.encode("__GFP_KSWAPD_RECLAIM"));
}

#[test]
fn t14_which_flag_when() {
    use Context::{Atomic, Block, FileSystem, Process};
    for generation in Generation::ALL {
        let table = GfpTable::of(generation);
        for (mask, context, verdict) in [
            ("GFP_KERNEL", Process, Verdict::Allowed),
            ("GFP_KERNEL", Atomic, Verdict::SleepsInAtomic),
            ("GFP_NOIO", Atomic, Verdict::SleepsInAtomic),
            ("GFP_ATOMIC", Atomic, Verdict::Allowed),
            ("GFP_NOWAIT", Atomic, Verdict::Allowed),
            ("GFP_KERNEL", Block, Verdict::IoRecursion),
            ("GFP_NOFS", Block, Verdict::IoRecursion),
            ("GFP_NOIO", Block, Verdict::Allowed),
            ("GFP_KERNEL", FileSystem, Verdict::FsRecursion),
            ("GFP_NOFS", FileSystem, Verdict::Allowed),
            ("GFP_DMA|GFP_KERNEL", Process, Verdict::Allowed),
            ("GFP_DMA|GFP_ATOMIC", Atomic, Verdict::Allowed),
            ("__GFP_DMA|__GFP_HIGHMEM", Process, Verdict::BadZoneBits),
            ("GFP_KERNEL|__GFP_MOVABLE|__GFP_RECLAIMABLE", Process, Verdict::BadMobility),
        ] {
            let why = table.explain(table.encode(mask).unwrap());
            assert_eq!(why.verdict(context), verdict, "{generation:?}: {mask} in {context:?}");
        }
        let lone = table.explain(table.mask("GFP_DMA").unwrap());
        assert!(lone.remarks(Process).iter().any(|r| r.contains("GFP_DMA is only a zone")));
    }
}

/// A policy of reclaim that gives back one block per call, as long as it has any.
struct Victims(Vec<(Pfn, Order)>);

impl Pressure for Victims {
    fn reclaim(&mut self, mm: &mut PageAllocator, _: ZoneId, _: Order, _: Flags) -> u64 {
        let Some((pfn, order)) = self.0.pop() else { return 0 };
        mm.free_pages(pfn, order, CPU).unwrap();
        order.pages()
    }
}

/// Returns the number of pages that a mask gets out of a machine where nothing can be reclaimed.
fn depth(generation: Generation, mask: &str) -> u64 {
    let mut config = Config::new(Layout::x86_64(1 << 16, 1), generation);
    // Pages left on per-CPU lists at the end would make the count inexact.
    config.rules.per_cpu_lists = false;
    let mut mm = PageAllocator::new(config);
    let gfp = mm.mask(mask);
    let got = core::iter::from_fn(|| mm.alloc_pages(gfp, Order(0), CPU, NodeId(0)).ok()).count();
    mm.validate().unwrap();
    got as u64
}

/// Returns how many of 25,600 requests fail on a machine full of dirty page cache, while kswapd takes back three pages
/// for every four that are requested.
fn failures(generation: Generation, mask: &str) -> u64 {
    let mut mm = PageAllocator::new(Config::new(Layout::x86_64(1 << 16, 1), generation));
    let mut lru = Lru::new(Costs { reclaim: 1, write: 100, migrate: 10 });
    let (cache, gfp) = (mm.mask("GFP_HIGHUSER_MOVABLE|__GFP_NORETRY"), mm.mask(mask));
    loop {
        let pfn = mm.alloc_pages(cache, Order(0), CPU, NodeId(0)).unwrap();
        mm.set_page_flags(pfn, PageFlags::DIRTY).unwrap();
        lru.add(&mut mm, pfn).unwrap();
        if mm.counters().slowpath > 0 {
            break;
        }
    }
    let mut failed = 0;
    for _ in 0..400 {
        for _ in 0..64 {
            match mm.alloc_pages_under(&mut lru, gfp, Order(0), CPU, NodeId(0)) {
                Ok(pfn) => lru.add(&mut mm, pfn).unwrap(),
                Err(_) => failed += 1,
            }
        }
        lru.run_kswapd(&mut mm, 48);
    }
    mm.validate().unwrap();
    failed
}

#[test]
fn t15_reserve_and_failure() {
    for generation in Generation::ALL {
        let [kernel, nowait, atomic, nofail] =
            ["GFP_KERNEL", "GFP_NOWAIT", "GFP_ATOMIC", "GFP_KERNEL|__GFP_NOFAIL"].map(|mask| depth(generation, mask));
        assert!(
            atomic > nowait && nowait >= kernel,
            "{generation:?}: atomic {atomic}, nowait {nowait}, kernel {kernel}"
        );
        assert!(nofail > atomic, "{generation:?}: NOFAIL takes all there is: {nofail}");
        if generation != Generation::Textbook {
            assert_eq!(nowait, kernel, "{generation:?}: NOWAIT has no right to the reserve");
        }
        // Under pressure the chance of failure rises in this order, and a request that may wait for reclaim does not
        // fail as long as there is something to reclaim.
        let masks = ["GFP_KERNEL|__GFP_NOFAIL", "GFP_KERNEL", "GFP_KERNEL|__GFP_NORETRY", "GFP_ATOMIC", "GFP_NOWAIT"];
        let [nofail, kernel, noretry, atomic, nowait] = masks.map(|mask| failures(generation, mask));
        assert_eq!((nofail, kernel), (0, 0), "{generation:?}");
        assert!(noretry < atomic && atomic < nowait, "{generation:?}: {noretry}, {atomic}, {nowait}");

        // GFP_KERNEL reclaims and gets what GFP_ATOMIC cannot; NORETRY gives up after one round.
        let mut mm = PageAllocator::new(Config::new(Layout::x86_64(1 << 16, 1), generation));
        let [kernel, atomic, noretry] = ["GFP_KERNEL", "GFP_ATOMIC", "GFP_KERNEL|__GFP_NORETRY"].map(|m| mm.mask(m));
        let mut live = Vec::new();
        while let Ok(pfn) = mm.alloc_pages(atomic, Order(0), CPU, NodeId(0)) {
            live.push((pfn, Order(0)));
        }
        let stalls = mm.counters().allocstall;
        assert!(mm.alloc_pages(noretry, Order(0), CPU, NodeId(0)).is_err());
        assert_eq!(mm.counters().allocstall, stalls + 1, "{generation:?}: one round only");
        // Giving up has emptied the per-CPU lists, so GFP_ATOMIC finds a few more pages and then none.
        while let Ok(pfn) = mm.alloc_pages(atomic, Order(0), CPU, NodeId(0)) {
            live.push((pfn, Order(0)));
        }
        let mut victims = Victims(live);
        assert!(
            mm.alloc_pages_under(&mut victims, atomic, Order(0), CPU, NodeId(0)).is_err(),
            "{generation:?}: atomic cannot reclaim"
        );
        assert!(
            mm.alloc_pages_under(&mut victims, kernel, Order(0), CPU, NodeId(0)).is_ok(),
            "{generation:?}: KERNEL can"
        );
        mm.validate().unwrap();
    }
    let mut mm = PageAllocator::new(Config::new(Layout::x86_64(1 << 14, 1), Generation::V6_18));
    let nofail = mm.mask("GFP_KERNEL|__GFP_NOFAIL");
    let last = core::iter::repeat_with(|| mm.alloc_pages(nofail, Order(0), CPU, NodeId(0))).find_map(Result::err);
    assert_eq!(last, Some(AllocError::WouldWait), "NOFAIL never fails: it would wait");
}
