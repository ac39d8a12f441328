//! One test for each row of the textbook (Love, *Linux Kernel Development*, 3rd ed., chapter 12), named after it.

use reference::{
    Address, AllocError, CacheFlags, Config, Context, Cpu, FrameState, Gfp, GfpTable, LAST_PKMAP, Layout, Memory, Migratetype, Misuse, Mm, NodeId,
    Order, Owner, PAGE_SIZE, PageAllocator, PageFlags, PageSize, PerCpu, Pfn, Pressure, Profile, Verdict, ZoneId, ZoneType, gfp_zone, kmalloc_class,
};

const CPU: Cpu = Cpu(0);
const GIB: u64 = 1 << 30;

fn x86_64(profile: Profile) -> Mm {
    Mm::new(Config::new(Layout::x86_64((4 * GIB + (256 << 20)) / PAGE_SIZE, 2), profile))
}

/// 1 GiB: DMA, NORMAL, 128 MiB of HIGHMEM.
fn x86_32() -> Mm {
    Mm::new(Config::new(Layout::x86_32(GIB / PAGE_SIZE, 2), Profile::Textbook))
}

fn zone_kind(mm: &Mm, pfn: Pfn) -> ZoneType {
    mm.pages.zone_stats(mm.pages.zone_of(pfn).unwrap()).kind
}

#[test]
fn t01_pages() {
    assert_eq!((PageSize::X86.bytes(), PageSize::ALPHA.bytes()), (4096, 8192));
    assert_eq!(PageSize::X86.pages_in(GIB), 262_144);
    let mm = x86_32();
    assert_eq!(mm.direct_map().to_virtual(0x0010_0000), Address(0xC010_0000));
    assert_eq!(mm.direct_map().to_physical(Address(0xC010_0000)), 0x0010_0000);
    assert_eq!(mm.direct_map().to_pfn(Address(0xC010_0000)), Pfn(0x100));
    mm.validate().unwrap();
}

#[test]
fn t02_struct_page() {
    assert_eq!(PageSize::ALPHA.pages_in(4 * GIB), 524_288);
    assert_eq!(PageSize::ALPHA.metadata(4 * GIB, 40), 20 << 20);
    assert!(((20u64 << 20) as f64) / ((4 * GIB) as f64) < 0.005);
    assert_eq!(PageAllocator::METADATA_BYTES_PER_PAGE, 32);

    let mut mm = x86_64(Profile::Textbook);
    let page = mm.alloc_page(mm.mask("GFP_KERNEL"), CPU).unwrap();
    let fields = |mm: &Mm, pfn| mm.pages.page(pfn).unwrap();
    assert_eq!((fields(&mm, page).page_count(), fields(&mm, page).count_field()), (1, 0));
    mm.pages.get_page(page).unwrap();
    assert_eq!(fields(&mm, page).page_count(), 2);

    // `private` is the owner's and survives everything the allocator does to other pages.
    mm.pages.set_page_owner(page, 0xdead, 7, 42).unwrap();
    let other = mm.alloc_pages(mm.mask("GFP_KERNEL"), Order(4), CPU).unwrap();
    mm.free_pages(other, Order(4), CPU).unwrap();
    assert_eq!((fields(&mm, page).private, fields(&mm, page).mapping, fields(&mm, page).index), (0xdead, 7, 42));

    for name in ["locked", "referenced", "uptodate", "dirty", "lru", "active", "reserved", "private", "writeback", "swapcache", "reclaim"] {
        let flag = PageFlags::from_name(name).unwrap();
        mm.pages.set_page_flags(page, flag).unwrap();
        assert!(fields(&mm, page).flags.contains(flag), "{name}");
        assert_eq!(flag.to_string(), name);
    }
    // Flags that follow the page's state cannot be set by hand.
    mm.pages.set_page_flags(page, PageFlags::SLAB).unwrap();
    assert!(!fields(&mm, page).flags.contains(PageFlags::SLAB));

    // The structure describes the frame, not the data: after migration the same data has another one.
    mm.memory.write(page.0 * PAGE_SIZE, b"data");
    let to = mm.alloc_page(mm.mask("GFP_KERNEL"), CPU).unwrap();
    mm.memory.copy_page(page, to);
    assert_eq!(mm.memory.read(to.0 * PAGE_SIZE, 4), b"data");
    assert_ne!(fields(&mm, page), fields(&mm, to));

    assert_eq!(mm.pages.put_page(page, CPU), Ok(1));
    assert_eq!(mm.pages.put_page(page, CPU), Ok(0));
    mm.pages.drain_all();
    let free = fields(&mm, page);
    assert_eq!((free.page_count(), free.count_field()), (0, -1));
    assert!(free.flags.contains(PageFlags::BUDDY));
    mm.validate().unwrap();
}

#[test]
fn t03_owners() {
    let mut layout = Layout::x86_64(1 << 18, 1);
    layout.zones[1].managed -= 1000;
    let mut mm = Mm::new(Config::new(layout, Profile::Textbook));
    let owner = |mm: &Mm, pfn| mm.pages.page(pfn).unwrap().owner;
    assert_eq!(owner(&mm, Pfn(4096)), Owner::Static, "the kernel image");
    let kernel = mm.mask("GFP_KERNEL");
    let (user, cache, plain) = (mm.alloc_page(kernel, CPU).unwrap(), mm.alloc_page(kernel, CPU).unwrap(), mm.alloc_page(kernel, CPU).unwrap());
    mm.pages.set_mapcount(user, 1).unwrap();
    mm.pages.set_page_owner(cache, 0, 9, 0).unwrap();
    let object = mm.kmalloc(100, kernel, CPU).unwrap();
    let slab = mm.direct_map().to_pfn(object);
    assert_eq!([user, cache, plain, slab].map(|p| owner(&mm, p)), [Owner::User, Owner::PageCache, Owner::Unnamed, Owner::Kernel]);
    let free = (4096..1 << 18).rev().map(Pfn).find(|p| matches!(mm.pages.frame(*p), FrameState::Free { .. })).unwrap();
    assert_eq!(owner(&mm, free), Owner::Free);
    mm.validate().unwrap();
}

#[test]
fn t04_zones() {
    let span = |layout: &Layout| layout.zones.iter().map(|z| (z.kind.name(), (z.start_pfn * PAGE_SIZE) >> 20)).collect::<Vec<_>>();
    assert_eq!(span(&Layout::x86_32(GIB / PAGE_SIZE, 1)), [("DMA", 0), ("Normal", 16), ("HighMem", 896)]);
    assert_eq!(span(&Layout::x86_64(8 * GIB / PAGE_SIZE, 1)), [("DMA", 0), ("DMA32", 16), ("Normal", 4096)]);

    let mut mm = x86_64(Profile::Textbook);
    let (kernel, dma32, dma) = (mm.mask("GFP_KERNEL"), mm.mask("GFP_KERNEL|__GFP_DMA32"), mm.mask("GFP_KERNEL|__GFP_DMA"));
    for (mask, zone) in [(kernel, ZoneType::Normal), (dma32, ZoneType::Dma32), (dma, ZoneType::Dma)] {
        let pfn = mm.alloc_page(mask, CPU).unwrap();
        assert_eq!(zone_kind(&mm, pfn), zone);
    }
    // NORMAL runs out: DMA32 next, DMA last, and a block never crosses a zone.
    let mut seen = Vec::new();
    while let Ok(pfn) = mm.alloc_pages(kernel, Order(10), CPU) {
        let (first, last) = (zone_kind(&mm, pfn), zone_kind(&mm, Pfn(pfn.0 + 1023)));
        assert_eq!(first, last);
        if seen.last() != Some(&first) {
            seen.push(first);
        }
    }
    assert_eq!(seen[..2], [ZoneType::Normal, ZoneType::Dma32]);
    assert!(seen.windows(2).all(|w| w[0] > w[1]), "never upwards: {seen:?}");
    // What NORMAL requests could not have of DMA32 was kept for those who need it: lowmem_reserve.
    assert_eq!(mm.alloc_pages(dma32, Order(10), CPU).map(|pfn| zone_kind(&mm, pfn)), Ok(ZoneType::Dma32));

    let mut mm = x86_32();
    let pfn = mm.alloc_page(mm.mask("GFP_HIGHUSER"), CPU).unwrap();
    assert_eq!(zone_kind(&mm, pfn), ZoneType::HighMem);
    let low = [ZoneType::Dma, ZoneType::Normal, ZoneType::HighMem].map(ZoneType::is_lowmem);
    assert_eq!(low, [true, true, false]);
    mm.validate().unwrap();
}

/// Counts who was asked, and gives nothing.
#[derive(Default)]
struct Asked {
    kswapd: u32,
    direct: u32,
}

impl Pressure for Asked {
    fn kswapd(&mut self, mm: &mut PageAllocator, zone: ZoneId) {
        self.kswapd += 1;
        mm.kswapd_done(zone);
    }
    fn reclaim(&mut self, _: &mut PageAllocator, _: ZoneId, _: Order) -> u64 {
        self.direct += 1;
        0
    }
}

#[test]
fn t05_struct_zone() {
    let mut mm = PageAllocator::new(Config::new(Layout::x86_64(1 << 16, 1), Profile::Textbook));
    let zone = ZoneId(1);
    let s = mm.zone_stats(zone);
    assert_eq!(s.kind.name(), "DMA32");
    assert!(s.watermarks.min < s.watermarks.low && s.watermarks.low < s.watermarks.high);
    let (kernel, atomic) = (mm.mask("GFP_KERNEL|__GFP_DMA32"), mm.mask("GFP_ATOMIC|__GFP_DMA32"));
    let mut asked = Asked::default();
    // Above low nobody is woken.
    while mm.free_page_count(zone) > s.watermarks.low + 64 {
        mm.alloc_pages_under(&mut asked, kernel, Order(0), CPU, NodeId(0)).unwrap();
    }
    assert_eq!((asked.kswapd, asked.direct), (0, 0));
    // Below low kswapd is, below min the caller reclaims, and only the reserve's users go further.
    let others = mm.free_page_count(ZoneId(0));
    while mm.alloc_pages_under(&mut asked, kernel, Order(0), CPU, NodeId(0)).is_ok() {}
    assert!(asked.kswapd > 0 && asked.direct > 0);
    let at_min = mm.free_page_count(zone);
    assert!(at_min <= s.watermarks.min && at_min > s.watermarks.min / 2, "{at_min} of {}", s.watermarks.min);
    assert!(mm.alloc_pages(atomic, Order(0), CPU, NodeId(0)).is_ok());
    assert!(mm.zone_stats(zone).lock_taken > 0);
    assert!(mm.free_page_count(ZoneId(0)) <= others);
    mm.validate().unwrap();
}

#[test]
fn t06_getting_pages() {
    let mut mm = x86_32();
    let kernel = mm.mask("GFP_KERNEL");
    let block = mm.alloc_pages(kernel, Order(3), CPU).unwrap();
    assert_eq!(block.0 % 8, 0);
    for k in 0..8 {
        assert!(matches!(mm.pages.frame(Pfn(block.0 + k)), FrameState::Allocated { head, .. } if head == block));
        assert_eq!(mm.page_address(Pfn(block.0 + k)), Some(Address(0xC000_0000 + (block.0 + k) * PAGE_SIZE)));
    }
    let address = mm.get_free_pages(kernel, Order(2), CPU).unwrap();
    assert_eq!(mm.page_address(mm.direct_map().to_pfn(address)), Some(address));
    let one = mm.get_free_page(kernel, CPU).unwrap();
    assert_ne!(one, address);
    let high = mm.alloc_page(mm.mask("GFP_HIGHUSER"), CPU).unwrap();
    assert_eq!(mm.page_address(high), None, "high memory has no address");
    mm.validate().unwrap();
}

#[test]
fn t07_zeroed_pages() {
    let mut mm = x86_64(Profile::Textbook);
    let (kernel, user) = (mm.mask("GFP_KERNEL"), mm.mask("GFP_USER"));
    let secret = mm.get_free_page(kernel, CPU).unwrap();
    let pfn = mm.direct_map().to_pfn(secret);
    mm.memory.write(pfn.0 * PAGE_SIZE + 100, b"password");
    mm.free_pages_at(secret, Order(0), CPU).unwrap();
    // The same frame comes back, and GFP_USER does not clear it.
    let next = mm.get_free_page(user, CPU).unwrap();
    assert_eq!(next, secret);
    assert_eq!(mm.memory.read(pfn.0 * PAGE_SIZE + 100, 8), b"password");
    mm.free_pages_at(next, Order(0), CPU).unwrap();
    let before = mm.pages.counters().zeroed;
    let zeroed = mm.get_zeroed_page(user, CPU).unwrap();
    assert_eq!(zeroed, secret);
    assert!(mm.memory.is_zero(pfn));
    assert_eq!(mm.pages.counters().zeroed, before + 1);
    mm.validate().unwrap();
}

#[test]
fn t08_freeing() {
    for profile in Profile::ALL {
        let mut mm = x86_64(profile);
        let kernel = mm.mask("GFP_KERNEL");
        let block = mm.alloc_pages(kernel, Order(2), CPU).unwrap();
        let wrong = mm.free_pages(block, Order(1), CPU);
        assert_eq!(wrong, Err(Misuse::WrongOrder { pfn: block, allocated: Order(2), given: Order(1) }));
        let inside = Pfn(block.0 + 1);
        assert_eq!(mm.free_pages(inside, Order(0), CPU), Err(Misuse::NotHead { pfn: inside, head: block, order: Order(2) }));
        assert_eq!(mm.free_pages(block, Order(2), CPU), Ok(()));
        assert_eq!(mm.free_pages(block, Order(2), CPU), Err(Misuse::DoubleFree(block)), "while on the per-CPU list");
        mm.pages.drain_all();
        assert_eq!(mm.free_pages(block, Order(2), CPU), Err(Misuse::DoubleFree(block)), "while in the buddy system");
        assert_eq!(mm.pages.set_page_owner(block, 1, 1, 1), Err(Misuse::NotAllocated(block)), "use after free");
        let never = Pfn((1 << 20) + 9999);
        assert_eq!(mm.free_pages(never, Order(0), CPU), Err(Misuse::NeverAllocated(never)));
        assert_eq!(mm.free_pages(Pfn(u64::MAX / 2), Order(0), CPU), Err(Misuse::NotAFrame(Pfn(u64::MAX / 2))));

        let object = mm.kmalloc(64, kernel, CPU).unwrap();
        let slab_page = mm.direct_map().to_pfn(object);
        assert_eq!(mm.free_pages(slab_page, Order(0), CPU), Err(Misuse::FromSlab(slab_page)));
        let page = mm.get_free_page(kernel, CPU).unwrap();
        let physical = mm.direct_map().to_physical(page);
        assert_eq!(mm.kfree(Some(page), CPU), Err(Misuse::NotFromSlab(physical)));
        let area = mm.vmalloc(4096, kernel, CPU).unwrap();
        let behind = mm.vmalloc.to_pfn(area).unwrap();
        assert_eq!(mm.free_pages(behind, Order(0), CPU), Err(Misuse::FromVmalloc(behind)));
        mm.validate().unwrap();
        // After all that everything can still be freed.
        mm.kfree(Some(object), CPU).unwrap();
        mm.free_pages_at(page, Order(0), CPU).unwrap();
        mm.vfree(area, CPU).unwrap();
        mm.validate().unwrap();
    }
}

#[test]
fn t09_kmalloc() {
    for profile in Profile::ALL {
        let mut mm = x86_64(profile);
        let kernel = mm.mask("GFP_KERNEL");
        for bytes in [1, 8, 33, 96, 97, 192, 193, 1000, 4096, 8192] {
            let p = mm.kmalloc(bytes, kernel, CPU).unwrap();
            let size = mm.ksize(p).unwrap();
            assert_eq!(Some(size as u32), kmalloc_class(profile, bytes), "{profile:?}: {bytes}");
            if size.is_power_of_two() {
                assert_eq!(p.0 % size, 0, "naturally aligned");
            }
            mm.kfree(Some(p), CPU).unwrap();
        }
        // Large sizes are whole, contiguous pages; the largest is a block of the highest order.
        let large = mm.kmalloc(3 << 20, kernel, CPU).unwrap();
        assert_eq!(mm.ksize(large), Ok(4 << 20));
        mm.kfree(Some(large), CPU).unwrap();
        assert_eq!(mm.kmalloc((4 << 20) + 1, kernel, CPU), Err(AllocError::TooLarge((4 << 20) + 1)));
        assert_eq!(mm.kfree(None, CPU), Ok(()), "kfree(NULL) does nothing");

        let dma = mm.kmalloc(64, mm.mask("GFP_KERNEL|__GFP_DMA"), CPU).unwrap();
        assert_eq!(zone_kind(&mm, mm.direct_map().to_pfn(dma)), ZoneType::Dma);
        let plain = mm.kmalloc(64, kernel, CPU).unwrap();
        assert_eq!(zone_kind(&mm, mm.direct_map().to_pfn(plain)), ZoneType::Normal);
        assert_eq!(mm.kfree(Some(Address(plain.0 + 1)), CPU), Err(Misuse::NotAnObject(mm.direct_map().to_physical(plain) + 1)));
        mm.kfree(Some(plain), CPU).unwrap();
        assert_eq!(mm.kfree(Some(plain), CPU), Err(Misuse::ObjectDoubleFree(mm.direct_map().to_physical(plain))));

        mm.memory.write(mm.direct_map().to_physical(dma), b"contents");
        let grown = mm.krealloc(dma, 500, kernel, CPU).unwrap();
        assert_eq!(mm.memory.read(mm.direct_map().to_physical(grown), 8), b"contents");
        mm.validate().unwrap();
    }
}

#[test]
fn t10_vmalloc() {
    let mut mm = x86_64(Profile::V6_18);
    let kernel = mm.mask("GFP_KERNEL");
    // Leave only scattered single pages in front of the allocator.
    let pages: Vec<_> = (0..64).map(|_| mm.alloc_page(kernel, CPU).unwrap()).collect();
    for page in pages.iter().step_by(2) {
        mm.free_pages(*page, Order(0), CPU).unwrap();
    }
    let area = mm.vmalloc(10 * 4096 + 1, kernel, CPU).unwrap();
    let frames: Vec<_> = (0..11).map(|k| mm.vmalloc.to_pfn(Address(area.0 + k * 4096)).unwrap()).collect();
    assert!(frames.windows(2).any(|w| w[1].0 != w[0].0 + 1), "scattered: {frames:?}");
    assert_eq!(mm.vmalloc.to_pfn(Address(area.0 + 11 * 4096)), None, "a guard page lies behind");
    let next = mm.vmalloc(1, kernel, CPU).unwrap();
    assert_eq!(next.0, area.0 + 12 * 4096, "page-granular");
    assert_eq!(mm.vmalloc(4096, mm.mask("GFP_ATOMIC"), CPU), Err(AllocError::MaySleep));
    mm.vfree(area, CPU).unwrap();
    assert_eq!(mm.vfree(area, CPU), Err(Misuse::NotFromVmalloc(area.0)));
    // The hole of eleven pages and a guard takes eleven pages again, and not twelve.
    assert_eq!(mm.vmalloc(12 * 4096, kernel, CPU).map(|a| a.0 > next.0), Ok(true));
    assert_eq!(mm.vmalloc(11 * 4096, kernel, CPU), Ok(area));
    mm.validate().unwrap();
}

#[test]
fn t11_action_modifiers() {
    let old = GfpTable::of(Profile::Textbook);
    let new = GfpTable::of(Profile::V6_18);
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
        let (a, b) = (old.flags(old.mask(then).unwrap()), new.flags(new.mask(now).unwrap()));
        assert!(a.contains(b), "{then} means {now}: {a:?}, {b:?}");
    }
    assert_eq!(old.mask("__GFP_COLD"), Some(Gfp(0x100)));
    assert_eq!((new.mask("__GFP_COLD"), new.mask("__GFP_WAIT")), (None, None), "gone");
}

#[test]
fn t12_zone_modifiers() {
    let mut mm = x86_32();
    let none = mm.mask("GFP_KERNEL");
    assert_eq!(gfp_zone(mm.pages.gfp().flags(none)), Ok(ZoneType::Normal));
    let both = mm.mask("__GFP_DMA|__GFP_HIGHMEM");
    assert!(matches!(mm.alloc_page(both, CPU), Err(AllocError::BadZoneBits(_))));
    let high = mm.mask("GFP_HIGHUSER");
    assert_eq!(mm.kmalloc(100, high, CPU), Err(AllocError::HighMemHasNoAddress));
    assert_eq!(mm.get_free_page(high, CPU), Err(AllocError::HighMemHasNoAddress));
    assert!(mm.alloc_page(high, CPU).is_ok());
    // Without a modifier NORMAL is preferred, DMA serves if need be.
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
    for (profile, column) in [(Profile::Textbook, 0), (Profile::V6_12, 1), (Profile::V6_18, 1)] {
        let table = GfpTable::of(profile);
        for (name, parts) in expected {
            assert_eq!(table.mask(name), table.mask(parts[column]), "{profile:?}: {name}");
        }
    }
    let table = GfpTable::of(Profile::V6_1);
    assert_eq!(table.mask("GFP_ATOMIC"), table.mask("__GFP_HIGH|__GFP_ATOMIC|__GFP_KSWAPD_RECLAIM"));
    assert_eq!(table.mask("GFP_NOWAIT"), table.mask("__GFP_KSWAPD_RECLAIM"));
}

#[test]
fn t14_which_flag_when() {
    use Context::{Atomic, Block, FileSystem, Process};
    for profile in Profile::ALL {
        let table = GfpTable::of(profile);
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
            let why = table.explain(table.mask(mask).unwrap(), context);
            assert_eq!(why.verdict, verdict, "{profile:?}: {mask} in {context:?}");
        }
        let lone = table.explain(table.mask("GFP_DMA").unwrap(), Process);
        assert!(lone.remarks.iter().any(|r| r.contains("GFP_DMA is only a zone")));
    }
}

/// Gives one block per call, as long as it has any.
struct Victims(Vec<(Pfn, Order)>);

impl Pressure for Victims {
    fn reclaim(&mut self, mm: &mut PageAllocator, _: ZoneId, _: Order) -> u64 {
        let Some((pfn, order)) = self.0.pop() else { return 0 };
        mm.free_pages(pfn, order, CPU).unwrap();
        order.pages()
    }
}

/// How many pages a mask gets out of a machine where nothing can be reclaimed.
fn depth(profile: Profile, mask: &str) -> u64 {
    let mut config = Config::new(Layout::x86_64(1 << 16, 1), profile);
    // What lies on per-CPU lists at the end would blur the count.
    config.rules.per_cpu_lists = false;
    let mut mm = PageAllocator::new(config);
    let gfp = mm.mask(mask);
    let got = core::iter::from_fn(|| mm.alloc_pages(gfp, Order(0), CPU, NodeId(0)).ok()).count();
    mm.validate().unwrap();
    got as u64
}

#[test]
fn t15_reserve_and_failure() {
    for profile in Profile::ALL {
        let [kernel, nowait, atomic, nofail] = ["GFP_KERNEL", "GFP_NOWAIT", "GFP_ATOMIC", "GFP_KERNEL|__GFP_NOFAIL"].map(|mask| depth(profile, mask));
        assert!(atomic > nowait && nowait >= kernel, "{profile:?}: atomic {atomic}, nowait {nowait}, kernel {kernel}");
        assert!(nofail > atomic, "{profile:?}: NOFAIL takes all there is: {nofail}");
        if profile != Profile::Textbook {
            assert_eq!(nowait, kernel, "{profile:?}: NOWAIT has no right to the reserve");
        }

        // KERNEL reclaims and gets what ATOMIC cannot; NORETRY gives up after one round.
        let mut mm = PageAllocator::new(Config::new(Layout::x86_64(1 << 16, 1), profile));
        let [kernel, atomic, noretry] = ["GFP_KERNEL", "GFP_ATOMIC", "GFP_KERNEL|__GFP_NORETRY"].map(|m| mm.mask(m));
        let mut live = Vec::new();
        while let Ok(pfn) = mm.alloc_pages(atomic, Order(0), CPU, NodeId(0)) {
            live.push((pfn, Order(0)));
        }
        let stalls = mm.counters().allocstall;
        assert!(mm.alloc_pages(noretry, Order(0), CPU, NodeId(0)).is_err());
        assert_eq!(mm.counters().allocstall, stalls + 1, "{profile:?}: one round only");
        // Giving up has emptied the per-CPU lists: atomic finds a little more, then nothing.
        while let Ok(pfn) = mm.alloc_pages(atomic, Order(0), CPU, NodeId(0)) {
            live.push((pfn, Order(0)));
        }
        let mut victims = Victims(live);
        assert!(mm.alloc_pages_under(&mut victims, atomic, Order(0), CPU, NodeId(0)).is_err(), "{profile:?}: atomic cannot reclaim");
        assert!(mm.alloc_pages_under(&mut victims, kernel, Order(0), CPU, NodeId(0)).is_ok(), "{profile:?}: KERNEL can");
        mm.validate().unwrap();
    }
    let mut mm = PageAllocator::new(Config::new(Layout::x86_64(1 << 14, 1), Profile::V6_18));
    let nofail = mm.mask("GFP_KERNEL|__GFP_NOFAIL");
    let last = core::iter::repeat_with(|| mm.alloc_pages(nofail, Order(0), CPU, NodeId(0))).find_map(Result::err);
    assert_eq!(last, Some(AllocError::WouldWait), "NOFAIL never fails: it would wait");
}

#[test]
fn t16_slab_layer() {
    fn ctor(object: &mut [u8]) {
        object.fill(0x11);
    }
    let mut mm = x86_64(Profile::Textbook);
    let kernel = mm.mask("GFP_KERNEL");
    let cache = mm.kmem_cache_create("task_struct", 1700, 0, CacheFlags { hwcache_align: true, panic: true, ..CacheFlags::default() }, Some(ctor));
    let stats = |mm: &Mm| mm.slab.cache_stats(cache);
    let per_slab = stats(&mm).sizes.objects as usize;
    assert_eq!(stats(&mm).sizes.size % 64, 0);
    // Grow, fill one slab, grow again.
    let mut objects: Vec<_> = (0..=per_slab).map(|_| mm.kmem_cache_alloc(cache, kernel, CPU).unwrap()).collect();
    assert_eq!(stats(&mm).slabs, 2);
    assert_eq!(mm.memory.read(mm.direct_map().to_physical(objects[0]), 2), [0x11, 0x11], "constructed");
    // Colouring: the second slab's objects start elsewhere in their page.
    let offset = |a: &Address| a.0 % PAGE_SIZE;
    assert_ne!(offset(&objects[0]), offset(&objects[per_slab]));
    // Partial before growing: an object of the first slab goes and is taken again once the second slab is full.
    mm.kmem_cache_free(cache, objects.swap_remove(0), CPU).unwrap();
    assert_eq!(stats(&mm).partial, 1);
    objects.extend((0..per_slab).map(|_| mm.kmem_cache_alloc(cache, kernel, CPU).unwrap()));
    assert_eq!((stats(&mm).slabs, stats(&mm).partial), (2, 0));
    // Empty slabs are used again before growing.
    let grown = stats(&mm).grown;
    for object in objects.drain(..) {
        mm.kmem_cache_free(cache, object, CPU).unwrap();
    }
    assert_eq!(stats(&mm).empty, 1);
    objects.extend((0..2 * per_slab).map(|_| mm.kmem_cache_alloc(cache, kernel, CPU).unwrap()));
    assert_eq!(stats(&mm).grown, grown);
    assert_eq!(mm.kmem_cache_destroy(cache, CPU), Err(Misuse::CacheInUse));
    for object in objects {
        mm.kmem_cache_free(cache, object, CPU).unwrap();
    }
    assert_eq!(mm.kmem_cache_destroy(cache, CPU), Ok(()));
    mm.validate().unwrap();

    // Partial before empty: with a full slab on the CPU, one empty and one partial beside it, the partial one is next.
    let cache = mm.kmem_cache_create("three slabs", 1700, 0, CacheFlags::default(), None);
    let per_slab = mm.slab.cache_stats(cache).sizes.objects as usize;
    let objects: Vec<_> = (0..3 * per_slab).map(|_| mm.kmem_cache_alloc(cache, kernel, CPU).unwrap()).collect();
    for object in &objects[..=per_slab] {
        mm.kmem_cache_free(cache, *object, CPU).unwrap();
    }
    let s = mm.slab.cache_stats(cache);
    assert_eq!((s.empty, s.partial), (1, 1));
    assert_eq!(mm.kmem_cache_alloc(cache, kernel, CPU), Ok(objects[per_slab]));
    assert_eq!(mm.slab.cache_stats(cache).empty, 1);
    mm.validate().unwrap();

    for profile in Profile::ALL {
        let mut mm = x86_64(profile);
        let flags = CacheFlags { poison: true, red_zone: true, ..CacheFlags::default() };
        let cache = mm.kmem_cache_create("guarded", 100, 0, flags, None);
        let object = mm.kmem_cache_alloc(cache, kernel_of(&mm), CPU).unwrap();
        let physical = mm.direct_map().to_physical(object);
        assert_eq!(mm.memory.read(physical, 1), [0x6b], "poisoned");
        mm.memory.write(physical + 104, b"!");
        assert_eq!(mm.kmem_cache_free(cache, object, CPU), Err(Misuse::RedZoneOverwritten(physical)));
        mm.memory.write(physical + 104, &[0xcc]);
        mm.kmem_cache_free(cache, object, CPU).unwrap();
        mm.memory.write(physical + 5, b"late");
        mm.kmem_cache_alloc(cache, kernel_of(&mm), CPU).unwrap();
        assert_eq!(mm.slab.use_after_free(cache), [physical]);
        let dma = mm.kmem_cache_create("dma", 100, 0, CacheFlags { dma: true, ..CacheFlags::default() }, None);
        let object = mm.kmem_cache_alloc(dma, kernel_of(&mm), CPU).unwrap();
        assert_eq!(zone_kind(&mm, mm.direct_map().to_pfn(object)), ZoneType::Dma);
        mm.validate().unwrap();
    }

    // SLUB merges caches of one layout; the textbook's allocator does not.
    let mut mm = x86_64(Profile::V6_18);
    let (a, b) = (create(&mut mm, "a", 124), create(&mut mm, "b", 128));
    assert_eq!(a, b);
    assert!(mm.slab.cache_stats(a).names.iter().any(|n| n == "kmalloc-128"));
    let mut mm = x86_64(Profile::Textbook);
    assert_ne!(create(&mut mm, "a", 124), create(&mut mm, "b", 128));
}

fn create(mm: &mut Mm, name: &str, size: u32) -> reference::CacheId {
    mm.kmem_cache_create(name, size, 0, CacheFlags::default(), None)
}

fn kernel_of(mm: &Mm) -> Gfp {
    mm.mask("GFP_KERNEL")
}

#[test]
fn t17_high_memory() {
    let mut mm = x86_32();
    let high = mm.mask("GFP_HIGHUSER");
    let page = mm.alloc_page(high, CPU).unwrap();
    assert_eq!(mm.page_address(page), None);
    let address = mm.kmap(page, Context::Process).unwrap();
    assert_eq!((mm.page_address(page), mm.kmap(page, Context::Process)), (Some(address), Ok(address)));
    mm.kunmap(page).unwrap();
    assert_eq!(mm.page_address(page), Some(address), "one user is left");
    mm.kunmap(page).unwrap();
    assert_eq!((mm.page_address(page), mm.kunmap(page)), (None, Err(Misuse::NotMapped(page))));
    assert_eq!(mm.kmap(page, Context::Atomic), Err(AllocError::MaySleep));
    // The pool is bounded.
    let pages: Vec<_> = (0..LAST_PKMAP).map(|_| mm.alloc_page(high, CPU).unwrap()).collect();
    assert!(pages.iter().all(|p| mm.kmap(*p, Context::Process).is_ok()));
    assert_eq!(mm.kmap(page, Context::Process), Err(AllocError::NoAddressSpace));
    // Atomic slots belong to a CPU and are given back in reverse.
    let (a, b) = (mm.kmap_atomic(pages[0], CPU).unwrap(), mm.kmap_atomic(pages[1], CPU).unwrap());
    assert_ne!(a, b);
    assert_ne!(mm.kmap_atomic(pages[0], Cpu(1)), Ok(a));
    assert_eq!(mm.kunmap_atomic(pages[0], CPU), Err(Misuse::KmapOrder));
    mm.kunmap_atomic(pages[1], CPU).unwrap();
    mm.kunmap_atomic(pages[0], CPU).unwrap();
    let low = mm.alloc_page(mm.mask("GFP_KERNEL"), CPU).unwrap();
    assert_eq!(mm.kmap(low, Context::Atomic).ok(), mm.page_address(low), "low memory is mapped already");
    mm.validate().unwrap();
}

#[test]
fn t18_per_cpu() {
    for profile in Profile::ALL {
        let mut mm = PageAllocator::new(Config::new(Layout::x86_64(1 << 18, 2), profile));
        let kernel = mm.mask("GFP_KERNEL");
        let zone = mm.preferred_zone(kernel, NodeId(0)).unwrap();
        let first = mm.alloc_pages(kernel, Order(0), CPU, NodeId(0)).unwrap();
        let locks = mm.zone_stats(zone).lock_taken;
        for _ in 0..1000 {
            mm.free_pages(first, Order(0), CPU).unwrap();
            assert_eq!(mm.alloc_pages(kernel, Order(0), CPU, NodeId(0)), Ok(first), "last in, first out");
        }
        let s = mm.zone_stats(zone);
        assert_eq!(s.lock_taken, locks, "{profile:?}: the list spared the lock a thousand times");
        assert_eq!((s.pcp_hits, s.pcp_misses), (1000, 1));
        // Another CPU has lists of its own.
        mm.free_pages(first, Order(0), CPU).unwrap();
        assert_ne!(mm.alloc_pages(kernel, Order(0), Cpu(1), NodeId(0)), Ok(first));
        assert_eq!(mm.zone_stats(zone).pcp_misses, 2);
        mm.validate().unwrap();
    }
    let mut counter = PerCpu::new(2, &0u32);
    *counter.this_cpu(Cpu(0)).unwrap() += 5;
    *counter.of(Cpu(0), Cpu(1)).unwrap() += 7;
    assert_eq!((counter.iter().sum::<u32>(), counter.accesses()), (12, (1, 1)));
}

#[test]
fn t19_picking_a_method() {
    let mut mm = x86_32();
    let kernel = mm.mask("GFP_KERNEL");
    // Contiguous pages: alloc_pages or kmalloc.
    assert!(mm.alloc_pages(kernel, Order(2), CPU).is_ok() && mm.kmalloc(10_000, kernel, CPU).is_ok());
    // High memory: alloc_pages, then kmap.
    let page = mm.alloc_page(mm.mask("GFP_HIGHUSER"), CPU).unwrap();
    assert!(mm.kmap(page, Context::Process).is_ok());
    // Only virtually contiguous: vmalloc serves what no contiguous block can.
    let mut held = Vec::new();
    let all = mm.mask("GFP_KERNEL|__GFP_NOFAIL");
    while let Ok(pfn) = mm.alloc_pages(all, Order(0), CPU) {
        held.push(pfn);
    }
    for pfn in held.iter().filter(|pfn| pfn.0 % 2 == 0) {
        mm.free_pages(*pfn, Order(0), CPU).unwrap();
    }
    assert_eq!(mm.kmalloc(1 << 20, kernel, CPU), Err(AllocError::Fragmented));
    assert!(mm.vmalloc(1 << 20, kernel, CPU).is_ok());
    // Many objects of one size: a cache wastes less than kmalloc's classes.
    let cache = create(&mut mm, "seventy", 72);
    let size = mm.slab.cache_stats(cache).sizes.size;
    assert!(size < kmalloc_class(Profile::Textbook, 72).unwrap());
    mm.validate().unwrap();
}

#[test]
fn t20_buddy() {
    for profile in Profile::ALL {
        let mut layout = Layout::x86_64((1 << 20) + 1024, 1);
        layout.zones.retain(|z| z.kind == ZoneType::Normal);
        let mut config = Config::new(layout, profile);
        config.rules.per_cpu_lists = false;
        config.tunables.min_free_kbytes = Some(0);
        let mut mm = PageAllocator::new(config);
        let zone = ZoneId(0);
        let whole = mm.free_blocks(zone);
        assert_eq!(whole[10], 1);
        // Splitting order 10 for order 3 leaves one block of each order between, in the upper halves.
        let kernel = mm.mask("GFP_HIGHUSER_MOVABLE");
        let a = mm.alloc_pages(kernel, Order(3), CPU, NodeId(0)).unwrap();
        assert_eq!(mm.free_blocks(zone), [0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 0]);
        let buddy = Pfn(a.0 ^ 1 << 3);
        assert!(matches!(mm.frame(buddy), FrameState::Free { order: Order(3), migratetype: Migratetype::Movable, .. }));
        let b = mm.alloc_pages(kernel, Order(3), CPU, NodeId(0)).unwrap();
        assert_eq!(b, buddy);
        // External fragmentation: all but two blocks free, and yet no block of order 10.
        mm.free_pages(a, Order(3), CPU).unwrap();
        let free = reference::FreeBlocks(mm.free_blocks(zone));
        assert_eq!((free.pages(), free.unusable_index(10)), (1024 - 8, 1000));
        assert_eq!(mm.alloc_pages(kernel, Order(10), CPU, NodeId(0)), Err(AllocError::Fragmented));
        // The last free merges everything back.
        mm.free_pages(b, Order(3), CPU).unwrap();
        assert_eq!(mm.free_blocks(zone), whole);
        mm.validate().unwrap();
    }
}

#[test]
fn memory_starts_as_zeros() {
    assert!(Memory::default().is_zero(Pfn(1)));
}
