//! The lessons about the buddy system and the per-CPU lists in front of it: rows T18 and T20.

use reference::{
    Config, Costs, Cpu, FreeBlocks, Generation, Layout, Lru, NodeId, Order, PageAllocator, PerCpu, ZoneId, ZoneType,
};

use super::{
    error::LessonError,
    script::{CPU, Script, outcome},
};
use crate::number::thousands;

pub(super) fn per_cpu(s: &mut Script) -> Result<(), LessonError> {
    let mut mm = PageAllocator::new(Config::new(Layout::x86_64(1 << 18, 2), Generation::V6_18));
    let gfp = mm.mask("GFP_KERNEL");
    let zone = ZoneId(1);
    let show = |s: &mut Script, mm: &PageAllocator, what: &str| {
        let z = mm.zone_stats(zone);
        s.call(
            what,
            format!("lists hit {}, missed {}; zone lock taken {}", thousands(z.pcp_hits), z.pcp_misses, z.lock_taken),
        );
    };
    let pfn = mm.alloc_pages(gfp, Order(0), CPU, NodeId(0))?;
    show(s, &mm, "the first page on CPU 0");
    let mut pfn = pfn;
    for _ in 0..1000 {
        mm.free_pages(pfn, Order(0), CPU)?;
        pfn = mm.alloc_pages(gfp, Order(0), CPU, NodeId(0))?;
    }
    show(s, &mm, "freed and allocated 1,000 times");
    mm.alloc_pages(gfp, Order(0), Cpu(1), NodeId(0))?;
    show(s, &mm, "a page on CPU 1, which has lists of its own");
    let mut counter = PerCpu::new(2, &0u64);
    for cpu in [0, 0, 0, 1] {
        if let Some(copy) = counter.this_cpu(Cpu(cpu)) {
            *copy += 1;
        }
    }
    s.call(
        "a per-CPU counter: copies, and their sum",
        format!("{:?}, {}", counter.iter().collect::<Vec<_>>(), counter.iter().sum::<u64>()),
    );
    Ok(mm.validate()?)
}

pub(super) fn buddy(s: &mut Script) -> Result<(), LessonError> {
    let mut layout = Layout::x86_64((1 << 20) + 1024, 1);
    layout.zones.retain(|z| z.kind == ZoneType::Normal);
    let mut config = Config::new(layout, Generation::V6_18);
    config.rules.per_cpu_lists = false;
    config.tunables.min_free_kbytes = Some(0);
    let mut mm = PageAllocator::new(config);
    let (zone, gfp) = (ZoneId(0), mm.mask("GFP_HIGHUSER_MOVABLE"));
    s.say("One block of 4 MiB. A request for 8 pages halves it until the rest is just enough; the upper halves stay free.");
    s.free_area(&mm, zone, "before:");
    let a = mm.alloc_pages(gfp, Order(3), CPU, NodeId(0))?;
    s.free_area(&mm, zone, "after order 3:");
    let b = mm.alloc_pages(gfp, Order(3), CPU, NodeId(0))?;
    s.call(format!("the next one is its buddy: {a} ^ 8"), b);
    s.free_area(&mm, zone, "after another:");
    mm.free_pages(a, Order(3), CPU)?;
    s.free_area(&mm, zone, "the first one freed:");
    let free = FreeBlocks(mm.free_blocks(zone));
    s.say(format!(
        "{} pages of 1,024 are free, and none of them is of use for a block of order 10 (unusable index {}):",
        thousands(free.pages()),
        free.unusable_index(10)
    ));
    s.call("alloc_pages(order 10)", outcome(mm.alloc_pages(gfp, Order(10), CPU, NodeId(0))));
    mm.free_pages(b, Order(3), CPU)?;
    s.free_area(&mm, zone, "the other one freed:");

    s.say(
        "All of it in single pages, every second of them freed: half of memory, and no two frames of it side by side.",
    );
    let mut pages = Vec::new();
    while let Ok(pfn) = mm.alloc_pages(gfp, Order(0), CPU, NodeId(0)) {
        pages.push(pfn);
    }
    for pfn in pages.iter().filter(|pfn| pfn.0 % 2 == 0) {
        mm.free_pages(*pfn, Order(0), CPU)?;
    }
    s.free_area(&mm, zone, "every second freed:");
    s.call("alloc_pages(order 7)", outcome(mm.alloc_pages(gfp, Order(7), CPU, NodeId(0))));
    s.say("These pages can move. Compaction carries those at the low end to free frames at the high end, until a block is whole:");
    let mut lru = Lru::new(Costs { reclaim: 1, write: 1, migrate: 1 });
    lru.compacts = true;
    s.call(
        "alloc_pages(order 7), with compaction",
        outcome(mm.alloc_pages_under(&mut lru, gfp, Order(7), CPU, NodeId(0))),
    );
    s.call("pages moved", thousands(lru.work().migrated));
    s.free_area(&mm, zone, "afterwards:");
    Ok(mm.validate()?)
}
