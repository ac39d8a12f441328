//! Zones: T4, T5, T15.

use reference::{AllocError, Config, Layout, NodeId, Order, PageAllocator, Profile, ZoneId};

use super::{
    LessonError,
    script::{CPU, Script, x86_64, zone_name},
};

pub(super) fn zones(s: &mut Script) -> Result<(), LessonError> {
    for layout in [Layout::x86_32(0x8_0000, 1), Layout::x86_64(0x20_0000, 1)] {
        s.say(format!("{}:", layout.name));
        for z in &layout.zones {
            let (from, to) = (z.start_pfn >> 8, (z.start_pfn + z.spanned) >> 8);
            s.call(format!("{:<8} {from:>5} MiB to {to:>5} MiB", z.kind.name()), if z.kind.is_lowmem() { "low memory" } else { "mapped on demand" });
        }
    }
    s.say("A request names the highest zone it can use; the zonelist goes down from there, never up. One block lies in one zone.");
    let mut mm = x86_64(Profile::Textbook);
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
    let mut mm = PageAllocator::new(Config::new(Layout::x86_64(1 << 16, 1), Profile::V6_18));
    let zone = ZoneId(1);
    let z = mm.zone_stats(zone);
    let m = z.watermarks;
    s.call(format!("zone {}: managed", z.kind.name()), z.managed);
    s.call("watermark[min], [low], [high]", format!("{}, {}, {}", m.min, m.low, m.high));
    s.free_area(&mm, zone, "at boot:");
    let gfp = mm.mask("GFP_KERNEL|__GFP_DMA32");
    let (mut woken, mut stalled) = (false, false);
    let failed = loop {
        let before = mm.counters();
        let result = mm.alloc_pages(gfp, Order(0), CPU, NodeId(0));
        let now = mm.counters();
        if !woken && now.kswapd_wakeups > before.kswapd_wakeups {
            woken = true;
            s.call("kswapd is woken, with this many pages free", mm.free_page_count(zone));
        }
        if !stalled && now.allocstall > before.allocstall {
            stalled = true;
            s.call("the caller reclaims itself, with this many", mm.free_page_count(zone));
        }
        if let Err(error) = result {
            break error;
        }
    };
    s.call("and when nothing can be reclaimed", failed);
    s.free_area(&mm, zone, "at the end:");
    s.call("zone lock taken", mm.zone_stats(zone).lock_taken);
    Ok(mm.validate()?)
}

pub(super) fn reserve(s: &mut Script) -> Result<(), LessonError> {
    for profile in [Profile::Textbook, Profile::V6_18] {
        s.say(format!("{}: 256 MiB, nothing to reclaim. Pages each mask leaves untouched:", profile.name()));
        for mask in ["GFP_KERNEL|__GFP_NORETRY", "GFP_KERNEL", "GFP_NOWAIT", "GFP_ATOMIC", "GFP_KERNEL|__GFP_NOFAIL"] {
            let mut config = Config::new(Layout::x86_64(1 << 16, 1), profile);
            config.rules.per_cpu_lists = false;
            let mut mm = PageAllocator::new(config);
            let gfp = mm.mask(mask);
            let end = loop {
                if let Err(error) = mm.alloc_pages(gfp, Order(0), CPU, NodeId(0)) {
                    break error;
                }
            };
            let left: u64 = mm.stats().iter().map(|z| z.free).sum();
            let how = if end == AllocError::WouldWait { "then it would wait, for it must not fail" } else { "then it fails" };
            s.call(mask, format!("{left:>5} left, {how}"));
            mm.validate()?;
        }
    }
    Ok(())
}
