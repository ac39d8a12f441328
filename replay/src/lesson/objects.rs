//! The lessons about objects: rows T9, T16 and T19.

use reference::{CacheFlags, Context, Generation, Order, kmalloc_classes};

use super::{
    error::LessonError,
    script::{CPU, Script, outcome, x86_32, x86_64, zone_name},
};
use crate::number::thousands;

pub(super) fn kmalloc(s: &mut Script) -> Result<(), LessonError> {
    let mut mm = x86_64(Generation::V6_18);
    let kernel = mm.mask("GFP_KERNEL");
    s.call(
        "size classes",
        kmalloc_classes(Generation::V6_18).iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
    );
    for bytes in [1, 65, 100, 1000, 8192, 8193, 3 << 20] {
        let object = mm.kmalloc(bytes, kernel, CPU)?;
        let size = mm.ksize(object)?;
        s.call(
            format!("kmalloc({bytes}, GFP_KERNEL) = {object}"),
            format!("{} bytes, {} unused", thousands(size), thousands(size - bytes)),
        );
        mm.kfree(Some(object), CPU)?;
    }
    s.call("kmalloc(5 MiB)", outcome(mm.kmalloc(5 << 20, kernel, CPU)));
    let dma = mm.kmalloc(64, mm.mask("GFP_KERNEL|__GFP_DMA"), CPU)?;
    s.call("kmalloc(64, GFP_KERNEL|GFP_DMA) lies in", zone_name(&mm.pages, mm.direct_map().to_pfn(dma))?);
    s.call("kfree(NULL)", outcome(mm.kfree(None, CPU).map(|()| "nothing happens")));
    Ok(mm.validate()?)
}

pub(super) fn slab(s: &mut Script) -> Result<(), LessonError> {
    let mut mm = x86_64(Generation::Textbook);
    let kernel = mm.mask("GFP_KERNEL");
    let flags = CacheFlags { hwcache_align: true, panic: true, ..CacheFlags::default() };
    let cache = mm.kmem_cache_create("task_struct", 1700, 0, flags, None)?;
    let show = |s: &mut Script, mm: &reference::Mm, when: &str| {
        let c = mm.slab.cache_stats(cache);
        let state =
            format!("{} objects in {} slabs: {} partial, {} empty", c.active_objects, c.slabs, c.partial, c.empty);
        s.call(when, state);
    };
    let sizes = mm.slab.cache_stats(cache).sizes;
    s.call(
        "kmem_cache_create(\"task_struct\", 1700, …)",
        format!("{} bytes each, {} to a slab of order {}", thousands(sizes.size.into()), sizes.objects, sizes.order),
    );
    let mut objects = Vec::new();
    for _ in 0..=sizes.objects {
        objects.push(mm.kmem_cache_alloc(cache, kernel, CPU)?);
    }
    show(s, &mm, "one object more than fits a slab");
    let colours: Vec<_> = objects.iter().map(|o| o.0 % reference::PAGE_SIZE).step_by(sizes.objects as usize).collect();
    s.call("colouring: where each slab's first object starts", format!("{colours:?}"));
    for object in objects.drain(..2) {
        mm.kmem_cache_free(cache, object, CPU)?;
    }
    show(s, &mm, "two objects of the first slab freed");
    s.call("kmem_cache_destroy()", outcome(mm.kmem_cache_destroy(cache, CPU).map(|()| "gone")));
    for object in objects {
        mm.kmem_cache_free(cache, object, CPU)?;
    }
    show(s, &mm, "all freed");
    s.call("kmem_cache_destroy()", outcome(mm.kmem_cache_destroy(cache, CPU).map(|()| "gone")));

    s.say("With SLAB_POISON and SLAB_RED_ZONE the layer watches its users:");
    let flags = CacheFlags { poison: true, red_zone: true, ..CacheFlags::default() };
    let cache = mm.kmem_cache_create("guarded", 100, 0, flags, None)?;
    let object = mm.kmem_cache_alloc(cache, kernel, CPU)?;
    let physical = mm.direct_map().to_physical(object);
    s.call("what a new object holds", format!("{:x?} …", mm.memory.read(physical, 4)));
    let guard = mm.memory.read(physical + 104, 1);
    mm.memory.write(physical + 104, b"!");
    s.call(
        "kmem_cache_free() after a write behind its end",
        outcome(mm.kmem_cache_free(cache, object, CPU).map(|()| "freed")),
    );
    mm.memory.write(physical + 104, &guard);
    s.call("kmem_cache_free() with that undone", outcome(mm.kmem_cache_free(cache, object, CPU).map(|()| "freed")));
    mm.memory.write(physical + 5, b"late");
    mm.kmem_cache_alloc(cache, kernel, CPU)?;
    s.call("written to after that, found when it is handed out again", format!("{:x?}", mm.slab.use_after_free(cache)));
    Ok(mm.validate()?)
}

pub(super) fn picking_a_method(s: &mut Script) -> Result<(), LessonError> {
    let mut mm = x86_32();
    let kernel = mm.mask("GFP_KERNEL");
    s.say("Contiguous physical memory:");
    s.call("alloc_pages(GFP_KERNEL, 2)", outcome(mm.alloc_pages(kernel, Order(2), CPU)));
    s.call("kmalloc(10000, GFP_KERNEL)", outcome(mm.kmalloc(10_000, kernel, CPU)));
    s.say("High memory:");
    let page = mm.alloc_page(mm.mask("GFP_HIGHUSER"), CPU)?;
    s.call("alloc_page(GFP_HIGHUSER), then kmap()", outcome(mm.kmap(page, Context::Process)));
    s.say("Only virtually contiguous — here every second page of low memory is taken:");
    let all = mm.mask("GFP_KERNEL|__GFP_NOFAIL");
    let mut held = Vec::new();
    while let Ok(pfn) = mm.alloc_pages(all, Order(0), CPU) {
        held.push(pfn);
    }
    for pfn in held.iter().filter(|pfn| pfn.0 % 2 == 0) {
        mm.free_pages(*pfn, Order(0), CPU)?;
    }
    s.call("kmalloc(1 MiB)", outcome(mm.kmalloc(1 << 20, kernel, CPU)));
    s.call("vmalloc(1 MiB)", outcome(mm.vmalloc(1 << 20, kernel, CPU)));
    s.say("Many objects of one size:");
    let cache = mm.kmem_cache_create("seventy-two", 72, 0, CacheFlags::default(), None)?;
    s.call("kmem_cache_create(…, 72): bytes for each object", mm.slab.cache_stats(cache).sizes.size);
    let object = mm.kmalloc(72, kernel, CPU)?;
    s.call("kmalloc(72): bytes for each object", mm.ksize(object)?);
    Ok(mm.validate()?)
}
