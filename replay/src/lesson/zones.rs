//! The lessons about zones: rows T4, T5 and T15.

use reference::{AllocError, Config, Costs, Generation, Layout, Lru, NodeId, Order, PageAllocator, PageFlags, ZoneId};

use super::{
    error::LessonError,
    script::{CPU, Script, outcome, x86_64, zone_name},
};
use crate::number::thousands;

pub(super) fn zones(s: &mut Script) -> Result<(), LessonError> {
    for layout in [Layout::x86_32(0x8_0000, 1), Layout::x86_64(0x20_0000, 1)] {
        s.say(format!("{}:", layout.name));
        for z in &layout.zones {
            let (from, to) = (z.start_pfn >> 8, (z.start_pfn + z.spanned) >> 8);
            s.call(
                format!("{:<8} {:>5} MiB to {:>5} MiB", z.kind.name(), thousands(from), thousands(to)),
                if z.kind.is_lowmem() { "low memory" } else { "mapped on demand" },
            );
        }
    }
    s.say("So x86-64 has three zones, and no high memory: the direct map reaches all of it.");
    s.say("A request names the highest zone it can use; the zonelist goes down from there, never up. One block lies in one zone.");
    let mut mm = x86_64(Generation::Textbook);
    for mask in ["GFP_KERNEL", "GFP_KERNEL|__GFP_DMA32", "GFP_KERNEL|__GFP_DMA"] {
        let pfn = mm.alloc_page(mm.mask(mask), CPU)?;
        s.call(format!("alloc_page({mask})"), zone_name(&mm.pages, pfn)?);
    }
    let kernel = mm.mask("GFP_KERNEL");
    let (mut last, mut blocks) = ("", 0u32);
    while let Ok(pfn) = mm.alloc_pages(kernel, Order(10), CPU) {
        let zone = zone_name(&mm.pages, pfn)?;
        if zone != last {
            s.call(format!("after {blocks} blocks of order 10, GFP_KERNEL takes from"), zone);
            last = zone;
        }
        blocks += 1;
    }
    Ok(mm.validate()?)
}

pub(super) fn struct_zone(s: &mut Script) -> Result<(), LessonError> {
    let mut config = Config::new(Layout::x86_64(1 << 16, 1), Generation::V6_18);
    config.rules.per_cpu_lists = false;
    let mut mm = PageAllocator::new(config);
    let zone = ZoneId(1);
    s.say("Three marks of free pages. Per-CPU lists, which take pages by the batch, are left out here: they would blur the count.");
    let z = mm.zone_stats(zone);
    let m = z.watermarks;
    s.call(format!("zone {}: managed", z.kind.name()), thousands(z.managed));
    s.call(
        "watermark[min], [low], [high]",
        format!("{}; {}; {}", thousands(m.min), thousands(m.low), thousands(m.high)),
    );
    s.free_area(&mm, zone, "at boot:");
    let gfp = mm.mask("GFP_KERNEL|__GFP_DMA32");
    let (mut woken, mut stalled) = (false, false);
    let failed = loop {
        let before = mm.counters();
        let result = mm.alloc_pages(gfp, Order(0), CPU, NodeId(0));
        let now = mm.counters();
        if !woken && now.kswapd_wakeups > before.kswapd_wakeups {
            woken = true;
            s.call("kswapd is woken, with this many pages free", thousands(mm.free_page_count(zone)));
        }
        if !stalled && now.allocstall > before.allocstall {
            stalled = true;
            s.call("the caller reclaims itself, with this many", thousands(mm.free_page_count(zone)));
        }
        if let Err(error) = result {
            break error;
        }
    };
    s.call("and when nothing can be reclaimed", failed);
    s.call(
        "GFP_ATOMIC may go below the minimum mark",
        outcome(mm.alloc_pages(mm.mask("GFP_ATOMIC|__GFP_DMA32"), Order(0), CPU, NodeId(0))),
    );
    s.free_area(&mm, zone, "at the end:");
    s.call("zone lock taken, once for each page", thousands(mm.zone_stats(zone).lock_taken));
    Ok(mm.validate()?)
}

pub(super) fn reserve(s: &mut Script) -> Result<(), LessonError> {
    for generation in [Generation::Textbook, Generation::V6_18] {
        s.say(format!("{}: 256 MiB, nothing to reclaim. Pages each mask leaves untouched:", generation.name()));
        for mask in ["GFP_KERNEL|__GFP_NORETRY", "GFP_KERNEL", "GFP_NOWAIT", "GFP_ATOMIC", "GFP_KERNEL|__GFP_NOFAIL"] {
            let mut config = Config::new(Layout::x86_64(1 << 16, 1), generation);
            config.rules.per_cpu_lists = false;
            let mut mm = PageAllocator::new(config);
            let gfp = mm.mask(mask);
            let end = loop {
                if let Err(error) = mm.alloc_pages(gfp, Order(0), CPU, NodeId(0)) {
                    break error;
                }
            };
            let left: u64 = mm.stats().iter().map(|z| z.free).sum();
            let how =
                if end == AllocError::WouldWait { "then it would wait, for it must not fail" } else { "then it fails" };
            s.call(mask, format!("{:>6} left, {how}", thousands(left)));
            mm.validate()?;
        }
    }
    s.say("6.18, memory full of dirty page cache. For every four pages asked for, kswapd gets round to taking back three:");
    for mask in ["GFP_NOWAIT", "GFP_ATOMIC", "GFP_KERNEL|__GFP_NORETRY", "GFP_KERNEL", "GFP_KERNEL|__GFP_NOFAIL"] {
        let (failed, waited) = under_pressure(mask)?;
        let failed =
            failed.map_or_else(|| "none fails".to_owned(), |(times, why)| format!("{} fail: {why}", thousands(times)));
        s.call(
            format!("of {} requests with {mask}", thousands(BURSTS * BURST)),
            format!("{failed}; reclaim took {:.1} ms of their time", waited as f64 / 1e6),
        );
    }
    Ok(())
}

/// The number of bursts of requests, between which kswapd runs.
const BURSTS: u64 = 400;
/// The number of requests in a burst.
const BURST: u64 = 64;

/// Returns how many requests fail and the reason of the last failure, and the time in ns that the requests spend on
/// reclaim.
fn under_pressure(mask: &str) -> Result<(Option<(u64, AllocError)>, u64), LessonError> {
    let mut mm = PageAllocator::new(Config::new(Layout::x86_64(1 << 16, 1), Generation::V6_18));
    // Dropping a clean page takes a fraction of a microsecond, and writing one to a fast disk about twenty.
    let mut lru = Lru::new(Costs { reclaim: 200, write: 20_000, migrate: 1_000 });
    let (cache, gfp) = (mm.mask("GFP_HIGHUSER_MOVABLE|__GFP_NORETRY"), mm.mask(mask));
    while mm.counters().slowpath == 0 {
        let pfn = mm.alloc_pages(cache, Order(0), CPU, NodeId(0))?;
        mm.set_page_flags(pfn, PageFlags::DIRTY)?;
        lru.add(&mut mm, pfn)?;
    }
    let mut failed = None;
    for _ in 0..BURSTS {
        for _ in 0..BURST {
            match mm.alloc_pages_under(&mut lru, gfp, Order(0), CPU, NodeId(0)) {
                Ok(pfn) => lru.add(&mut mm, pfn)?,
                Err(why) => failed = Some((failed.map_or(0, |(times, _)| times) + 1, why)),
            }
        }
        lru.run_kswapd(&mut mm, BURST * 3 / 4);
    }
    mm.validate()?;
    Ok((failed, lru.work().direct_cost))
}
