//! Rows T16 to T20 of the textbook: objects, high memory, per-CPU data, choosing a method, and the buddy system.

use reference::{
    Address, AllocError, CacheFlags, Config, Context, Cpu, FrameState, Generation, LAST_PKMAP, Layout, Memory,
    Migratetype, Misuse, Mm, NodeId, Order, PAGE_SIZE, PageAllocator, PerCpu, Pfn, ZoneId, ZoneType, kmalloc_class,
};

use crate::{CPU, create, kernel_of, x86_32, x86_64, zone_kind};

#[test]
fn t16_slab_layer() {
    fn ctor(object: &mut [u8]) {
        object.fill(0x11);
    }
    let mut mm = x86_64(Generation::Textbook);
    let kernel = mm.mask("GFP_KERNEL");
    let cache = mm
        .kmem_cache_create(
            "task_struct",
            1700,
            0,
            CacheFlags { hwcache_align: true, panic: true, ..CacheFlags::default() },
            Some(ctor),
        )
        .unwrap();
    let stats = |mm: &Mm| mm.slab.cache_stats(cache);
    let per_slab = stats(&mm).sizes.objects as usize;
    assert_eq!(stats(&mm).sizes.size % 64, 0);
    // The cache grows, fills one slab, and grows again.
    let mut objects: Vec<_> = (0..=per_slab).map(|_| mm.kmem_cache_alloc(cache, kernel, CPU).unwrap()).collect();
    assert_eq!(stats(&mm).slabs, 2);
    assert_eq!(mm.memory.read(mm.direct_map().to_physical(objects[0]), 2), [0x11, 0x11], "constructed");
    // Colouring makes the second slab's objects start at another offset in their page.
    let offset = |a: &Address| a.0 % PAGE_SIZE;
    assert_ne!(offset(&objects[0]), offset(&objects[per_slab]));
    // A partial slab is used before the cache grows: an object of the first slab is freed, and taken again once the
    // second slab is full.
    mm.kmem_cache_free(cache, objects.swap_remove(0), CPU).unwrap();
    assert_eq!(stats(&mm).partial, 1);
    objects.extend((0..per_slab).map(|_| mm.kmem_cache_alloc(cache, kernel, CPU).unwrap()));
    assert_eq!((stats(&mm).slabs, stats(&mm).partial), (2, 0));
    // Empty slabs are used again before the cache grows.
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

    // A partial slab is used before an empty one: with a full slab on the CPU, and an empty and a partial slab beside
    // it, the partial slab is next.
    let cache = mm.kmem_cache_create("three slabs", 1700, 0, CacheFlags::default(), None).unwrap();
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

    for generation in Generation::ALL {
        let mut mm = x86_64(generation);
        let flags = CacheFlags { poison: true, red_zone: true, ..CacheFlags::default() };
        let cache = mm.kmem_cache_create("guarded", 100, 0, flags, None).unwrap();
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
        let dma = mm.kmem_cache_create("dma", 100, 0, CacheFlags { dma: true, ..CacheFlags::default() }, None).unwrap();
        let object = mm.kmem_cache_alloc(dma, kernel_of(&mm), CPU).unwrap();
        assert_eq!(zone_kind(&mm, mm.direct_map().to_pfn(object)), ZoneType::Dma);
        mm.validate().unwrap();
    }

    // SLUB merges caches of one layout; the textbook's allocator does not.
    let mut mm = x86_64(Generation::V6_18);
    let (a, b) = (create(&mut mm, "a", 124), create(&mut mm, "b", 128));
    assert_eq!(a, b);
    assert!(mm.slab.cache_stats(a).names.iter().any(|n| n == "kmalloc-128"));
    let mut mm = x86_64(Generation::Textbook);
    assert_ne!(create(&mut mm, "a", 124), create(&mut mm, "b", 128));
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
    // The pool has a fixed number of slots.
    let pages: Vec<_> = (0..LAST_PKMAP).map(|_| mm.alloc_page(high, CPU).unwrap()).collect();
    assert!(pages.iter().all(|p| mm.kmap(*p, Context::Process).is_ok()));
    assert_eq!(mm.kmap(page, Context::Process), Err(AllocError::NoAddressSpace));
    // Atomic slots belong to a CPU and are given back in reverse order.
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
    for generation in Generation::ALL {
        let mut mm = PageAllocator::new(Config::new(Layout::x86_64(1 << 18, 2), generation));
        let kernel = mm.mask("GFP_KERNEL");
        let zone = mm.preferred_zone(kernel, NodeId(0)).unwrap();
        let first = mm.alloc_pages(kernel, Order(0), CPU, NodeId(0)).unwrap();
        let locks = mm.zone_stats(zone).lock_taken;
        for _ in 0..1000 {
            mm.free_pages(first, Order(0), CPU).unwrap();
            assert_eq!(mm.alloc_pages(kernel, Order(0), CPU, NodeId(0)), Ok(first), "last in, first out");
        }
        let s = mm.zone_stats(zone);
        assert_eq!(s.lock_taken, locks, "{generation:?}: the list spared the lock a thousand times");
        assert_eq!((s.pcp_hits, s.pcp_misses), (1000, 1));
        // Another CPU has its own lists.
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
    // For contiguous pages, alloc_pages or kmalloc serves.
    assert!(mm.alloc_pages(kernel, Order(2), CPU).is_ok() && mm.kmalloc(10_000, kernel, CPU).is_ok());
    // For high memory, alloc_pages and then kmap serve.
    let page = mm.alloc_page(mm.mask("GFP_HIGHUSER"), CPU).unwrap();
    assert!(mm.kmap(page, Context::Process).is_ok());
    // For memory that is only virtually contiguous, vmalloc serves a size for which there is no contiguous block.
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
    // For many objects of one size, a cache wastes less than kmalloc's classes.
    let cache = create(&mut mm, "seventy", 72);
    let size = mm.slab.cache_stats(cache).sizes.size;
    assert!(size < kmalloc_class(Generation::Textbook, 72).unwrap());
    mm.validate().unwrap();
}

#[test]
fn t20_buddy() {
    for generation in Generation::ALL {
        let mut layout = Layout::x86_64((1 << 20) + 1024, 1);
        layout.zones.retain(|z| z.kind == ZoneType::Normal);
        let mut config = Config::new(layout, generation);
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
        // External fragmentation: all but two blocks are free, and yet there is no block of order 10.
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
