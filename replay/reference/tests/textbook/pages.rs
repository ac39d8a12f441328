//! Rows T1 to T10 of the textbook: pages, zones, and the calls that allocate them.

use reference::{
    Address, AllocError, Config, Flags, FrameState, Generation, Layout, Misuse, Mm, NodeId, Order, Owner, PAGE_SIZE,
    PageAllocator, PageFlags, PageSize, Pfn, Pressure, ZoneId, ZoneType, kmalloc_class,
};

use crate::{CPU, GIB, x86_32, x86_64, zone_kind};

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
    assert_eq!(PageAllocator::METADATA_BYTES_PER_PAGE, 26);

    let mut mm = x86_64(Generation::Textbook);
    let page = mm.alloc_page(mm.mask("GFP_KERNEL"), CPU).unwrap();
    let fields = |mm: &Mm, pfn| mm.pages.page(pfn).unwrap();
    assert_eq!((fields(&mm, page).page_count(), fields(&mm, page).count_field()), (1, 0));
    mm.pages.get_page(page).unwrap();
    assert_eq!(fields(&mm, page).page_count(), 2);

    // `private` belongs to the owner and is unchanged by what the allocator does to other pages.
    mm.pages.set_page_owner(page, 0xdead, 7, 42).unwrap();
    let other = mm.alloc_pages(mm.mask("GFP_KERNEL"), Order(4), CPU).unwrap();
    mm.free_pages(other, Order(4), CPU).unwrap();
    assert_eq!((fields(&mm, page).private, fields(&mm, page).mapping, fields(&mm, page).index), (0xdead, 7, 42));

    for name in [
        "locked",
        "referenced",
        "uptodate",
        "dirty",
        "lru",
        "active",
        "reserved",
        "private",
        "writeback",
        "swapcache",
        "reclaim",
    ] {
        let flag = PageFlags::from_name(name).unwrap();
        mm.pages.set_page_flags(page, flag).unwrap();
        assert!(fields(&mm, page).flags.contains(flag), "{name}");
        assert_eq!(flag.to_string(), name);
    }
    // Flags that follow the page's state cannot be set by hand.
    mm.pages.set_page_flags(page, PageFlags::SLAB).unwrap();
    assert!(!fields(&mm, page).flags.contains(PageFlags::SLAB));

    // The structure describes the frame and not the data: after migration the same data has another one.
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
    let mut mm = Mm::new(Config::new(layout, Generation::Textbook));
    let owner = |mm: &Mm, pfn| mm.pages.page(pfn).unwrap().owner;
    assert_eq!(owner(&mm, Pfn(4096)), Owner::Static, "the kernel image");
    let kernel = mm.mask("GFP_KERNEL");
    let (user, cache, plain) =
        (mm.alloc_page(kernel, CPU).unwrap(), mm.alloc_page(kernel, CPU).unwrap(), mm.alloc_page(kernel, CPU).unwrap());
    mm.pages.set_mapcount(user, 1).unwrap();
    mm.pages.set_page_owner(cache, 0, 9, 0).unwrap();
    let object = mm.kmalloc(100, kernel, CPU).unwrap();
    let slab = mm.direct_map().to_pfn(object);
    assert_eq!(
        [user, cache, plain, slab].map(|p| owner(&mm, p)),
        [Owner::User, Owner::PageCache, Owner::Unnamed, Owner::Kernel]
    );
    // The next owner of a frame inherits nothing from the last one.
    mm.pages.set_mapcount(user, 0).unwrap();
    mm.free_pages(cache, Order(0), CPU).unwrap();
    assert_eq!((mm.alloc_page(kernel, CPU), owner(&mm, cache)), (Ok(cache), Owner::Unnamed));
    let free = (4096..1 << 18).rev().map(Pfn).find(|p| matches!(mm.pages.frame(*p), FrameState::Free { .. })).unwrap();
    assert_eq!(owner(&mm, free), Owner::Free);
    mm.validate().unwrap();
}

#[test]
fn t04_zones() {
    let span = |layout: &Layout| {
        layout.zones.iter().map(|z| (z.kind.name(), (z.start_pfn * PAGE_SIZE) >> 20)).collect::<Vec<_>>()
    };
    assert_eq!(span(&Layout::x86_32(GIB / PAGE_SIZE, 1)), [("DMA", 0), ("Normal", 16), ("HighMem", 896)]);
    assert_eq!(span(&Layout::x86_64(8 * GIB / PAGE_SIZE, 1)), [("DMA", 0), ("DMA32", 16), ("Normal", 4096)]);

    let mut mm = x86_64(Generation::Textbook);
    let (kernel, dma32, dma) =
        (mm.mask("GFP_KERNEL"), mm.mask("GFP_KERNEL|__GFP_DMA32"), mm.mask("GFP_KERNEL|__GFP_DMA"));
    for (mask, zone) in [(kernel, ZoneType::Normal), (dma32, ZoneType::Dma32), (dma, ZoneType::Dma)] {
        let pfn = mm.alloc_page(mask, CPU).unwrap();
        assert_eq!(zone_kind(&mm, pfn), zone);
    }
    // When NORMAL is used up, DMA32 is next and DMA last, and a block never crosses a zone.
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
    // The pages of DMA32 that NORMAL requests could not have were reserved for requests that need them
    // (lowmem_reserve).
    assert_eq!(mm.alloc_pages(dma32, Order(10), CPU).map(|pfn| zone_kind(&mm, pfn)), Ok(ZoneType::Dma32));

    let mut mm = x86_32();
    let pfn = mm.alloc_page(mm.mask("GFP_HIGHUSER"), CPU).unwrap();
    assert_eq!(zone_kind(&mm, pfn), ZoneType::HighMem);
    let low = [ZoneType::Dma, ZoneType::Normal, ZoneType::HighMem].map(ZoneType::is_lowmem);
    assert_eq!(low, [true, true, false]);
    mm.validate().unwrap();
}

/// A policy of reclaim that counts the calls and gives nothing back.
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
    fn reclaim(&mut self, _: &mut PageAllocator, _: ZoneId, _: Order, _: Flags) -> u64 {
        self.direct += 1;
        0
    }
}

#[test]
fn t05_struct_zone() {
    let mut mm = PageAllocator::new(Config::new(Layout::x86_64(1 << 16, 1), Generation::Textbook));
    let zone = ZoneId(1);
    let s = mm.zone_stats(zone);
    assert_eq!(s.kind.name(), "DMA32");
    assert!(s.watermarks.min < s.watermarks.low && s.watermarks.low < s.watermarks.high);
    let (kernel, atomic) = (mm.mask("GFP_KERNEL|__GFP_DMA32"), mm.mask("GFP_ATOMIC|__GFP_DMA32"));
    let mut asked = Asked::default();
    // Above the low mark kswapd is not woken.
    while mm.free_page_count(zone) > s.watermarks.low + 64 {
        mm.alloc_pages_under(&mut asked, kernel, Order(0), CPU, NodeId(0)).unwrap();
    }
    assert_eq!((asked.kswapd, asked.direct), (0, 0));
    // Below the low mark kswapd is woken, below the min mark the caller reclaims, and only requests that may use the
    // reserve go further.
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
    let mut mm = x86_64(Generation::Textbook);
    let (kernel, user) = (mm.mask("GFP_KERNEL"), mm.mask("GFP_USER"));
    let secret = mm.get_free_page(kernel, CPU).unwrap();
    let pfn = mm.direct_map().to_pfn(secret);
    mm.memory.write(pfn.0 * PAGE_SIZE + 100, b"password");
    mm.free_pages_at(secret, Order(0), CPU).unwrap();
    // The same frame is allocated again, and GFP_USER does not clear it.
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
    for generation in Generation::ALL {
        let mut mm = x86_64(generation);
        let kernel = mm.mask("GFP_KERNEL");
        let block = mm.alloc_pages(kernel, Order(2), CPU).unwrap();
        let wrong = mm.free_pages(block, Order(1), CPU);
        assert_eq!(wrong, Err(Misuse::WrongOrder { pfn: block, allocated: Order(2), given: Order(1) }));
        let inside = Pfn(block.0 + 1);
        assert_eq!(
            mm.free_pages(inside, Order(0), CPU),
            Err(Misuse::NotHead { pfn: inside, head: block, order: Order(2) })
        );
        mm.pages.get_page(block).unwrap();
        assert_eq!(mm.free_pages(block, Order(2), CPU), Err(Misuse::StillReferenced(block)));
        mm.pages.put_page(block, CPU).unwrap();
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
        // After all these calls everything can still be freed.
        mm.kfree(Some(object), CPU).unwrap();
        mm.free_pages_at(page, Order(0), CPU).unwrap();
        mm.vfree(area, CPU).unwrap();
        mm.validate().unwrap();
    }
}

#[test]
fn t09_kmalloc() {
    for generation in Generation::ALL {
        let mut mm = x86_64(generation);
        let kernel = mm.mask("GFP_KERNEL");
        for bytes in [1, 8, 33, 96, 97, 192, 193, 1000, 4096, 8192] {
            let p = mm.kmalloc(bytes, kernel, CPU).unwrap();
            let size = mm.ksize(p).unwrap();
            assert_eq!(Some(size as u32), kmalloc_class(generation, bytes), "{generation:?}: {bytes}");
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
        assert_eq!(
            mm.kfree(Some(Address(plain.0 + 1)), CPU),
            Err(Misuse::NotAnObject(mm.direct_map().to_physical(plain) + 1))
        );
        mm.kfree(Some(plain), CPU).unwrap();
        assert_eq!(mm.kfree(Some(plain), CPU), Err(Misuse::ObjectDoubleFree(mm.direct_map().to_physical(plain))));

        mm.memory.write(mm.direct_map().to_physical(dma), b"contents");
        let grown = mm.krealloc(Some(dma), 500, kernel, CPU).unwrap();
        assert_eq!(mm.memory.read(mm.direct_map().to_physical(grown), 8), b"contents");
        mm.validate().unwrap();
    }
}

#[test]
fn t10_vmalloc() {
    let mut mm = x86_64(Generation::V6_18);
    let kernel = mm.mask("GFP_KERNEL");
    // Only scattered single pages are left at the front of the free lists.
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
    // Eleven pages fit the hole of eleven pages and a guard; twelve do not.
    assert_eq!(mm.vmalloc(12 * 4096, kernel, CPU).map(|a| a.0 > next.0), Ok(true));
    assert_eq!(mm.vmalloc(11 * 4096, kernel, CPU), Ok(area));
    mm.validate().unwrap();
}
