//! The formulas against the running kernel: its own /proc and /sys must come out of them. Skipped, and said so, where those cannot be read.

use std::fs;

use reference::{Config, Layout, NodeId, PageAllocator, Profile, Tunables, ZoneId, ZoneSpec, ZoneType, pcp_sizes, slab_sizes, zone_watermarks};

fn release() -> (u32, u32) {
    let text = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(|n| n.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

fn profile() -> Profile {
    let (major, minor) = release();
    Profile::of_release(major, minor)
}

fn cpus() -> u16 {
    std::thread::available_parallelism().map_or(1, |n| n.get() as u16)
}

fn number(path: &str) -> Option<u64> {
    fs::read_to_string(path).ok()?.split_whitespace().next()?.parse().ok()
}

/// A zone of `/proc/zoneinfo`: its place, and the items that follow from the formulas.
struct Zone {
    spec: ZoneSpec,
    marks: [u64; 3],
    protection: Vec<u64>,
    batch: u64,
}

fn zoneinfo() -> Option<Vec<Zone>> {
    let text = fs::read_to_string("/proc/zoneinfo").ok()?;
    let mut zones = Vec::new();
    for part in text.split("Node ").skip(1) {
        let (node, rest) = part.split_once(", zone")?;
        let name = rest.split_whitespace().next()?;
        let value = |key: &str| rest.lines().find_map(|l| l.trim().strip_prefix(key)?.trim().parse::<u64>().ok());
        let Some(kind) = ZoneType::from_name(name).filter(|_| value("spanned ").is_some_and(|n| n > 0)) else { continue };
        let list = rest.lines().find_map(|l| l.trim().strip_prefix("protection: (")?.strip_suffix(')'))?;
        let spec = ZoneSpec {
            kind,
            node: NodeId(node.parse().ok()?),
            start_pfn: value("start_pfn:")?,
            spanned: value("spanned ")?,
            present: value("present ")?,
            managed: value("managed ")?,
        };
        zones.push(Zone {
            spec,
            marks: [value("min ")?, value("low ")?, value("high ")?],
            protection: list.split(", ").filter_map(|n| n.parse().ok()).collect(),
            batch: value("batch:").unwrap_or(0),
        });
    }
    Some(zones)
}

fn layout(zones: &[Zone]) -> Layout {
    let mut layout = Layout::x86_64(1 << 20, cpus());
    layout.zones = zones.iter().map(|z| z.spec.clone()).collect();
    layout
}

#[test]
fn marks_and_reserves_of_this_machine() {
    let (Some(zones), Some(min_free)) = (zoneinfo(), number("/proc/sys/vm/min_free_kbytes")) else {
        eprintln!("skipped: /proc/zoneinfo cannot be read");
        return;
    };
    let scale = number("/proc/sys/vm/watermark_scale_factor").unwrap_or(10);
    let tunables = Tunables { min_free_kbytes: Some(min_free), watermark_scale_factor: scale, ..Tunables::default() };
    let layout = layout(&zones);
    let marks = zone_watermarks(&layout, &tunables, 9);
    let reserves = reference::lowmem_reserve(&layout);
    for ((zone, marks), reserve) in zones.iter().zip(&marks).zip(&reserves) {
        let name = zone.spec.kind.name();
        assert_eq!([marks.min, marks.low, marks.high], zone.marks, "{name}: min, low, high");
        // The kernel's columns are its configured zones; on x86-64 DMA, DMA32, Normal, Movable (and Device).
        let columns = [ZoneType::Dma, ZoneType::Dma32, ZoneType::Normal, ZoneType::Movable];
        for (kind, kernel) in columns.into_iter().zip(&zone.protection) {
            assert_eq!(reserve[kind.index()], *kernel, "{name}: protection against {kind:?}");
        }
        if profile() != Profile::Textbook {
            assert_eq!(u64::from(pcp_sizes(zone.spec.managed, marks.low, cpus()).batch), zone.batch, "{name}: batch");
        }
    }
}

#[test]
fn slab_sizes_of_this_machine() {
    let Ok(caches) = fs::read_dir("/sys/kernel/slab") else {
        eprintln!("skipped: /sys/kernel/slab cannot be read");
        return;
    };
    let cpus = number("/sys/devices/system/cpu/possible").map_or_else(cpus, |_| {
        let text = fs::read_to_string("/sys/devices/system/cpu/possible").unwrap_or_default();
        text.trim().rsplit(['-', ',']).next().and_then(|n| n.parse::<u16>().ok()).map_or(1, |n| n + 1)
    });
    let (mut checked, mut wrong) = (0, Vec::new());
    for cache in caches.flatten() {
        let value = |name: &str| number(cache.path().join(name).to_str()?);
        let Some(size) = value("slab_size") else { continue };
        let sizes = slab_sizes(profile(), size as u32, cpus);
        let ours = (u64::from(sizes.order), u64::from(sizes.objects), u64::from(sizes.min_partial));
        let kernel = (value("order").unwrap_or(0), value("objs_per_slab").unwrap_or(0), value("min_partial").unwrap_or(0));
        checked += 1;
        if ours != kernel {
            wrong.push((cache.file_name(), size, ours, kernel));
        }
    }
    assert!(wrong.is_empty(), "{} of {checked} caches differ (size, ours, kernel): {wrong:?}", wrong.len());
    eprintln!("{checked} caches agree");
}

#[test]
fn proc_files_have_the_kernels_layout() {
    let Ok(kernel) = fs::read_to_string("/proc/buddyinfo") else {
        eprintln!("skipped: /proc/buddyinfo cannot be read");
        return;
    };
    let Some(mut zones) = zoneinfo() else { return };
    // Only the counts matter here, so each zone gets room to lay its free blocks out apart from one another.
    let room: u64 = 1 << 24;
    for (n, zone) in zones.iter_mut().enumerate() {
        (zone.spec.start_pfn, zone.spec.spanned) = (n as u64 * room, room);
    }
    let mut mm = PageAllocator::held(Config::new(layout(&zones), profile()));
    for (text, zone) in kernel.lines().zip(&zones) {
        let counts = text.split_whitespace().skip(4).map(|n| n.parse::<u64>().unwrap());
        let mut at = zone.spec.start_pfn + room;
        for (order, n) in counts.enumerate().collect::<Vec<_>>().into_iter().rev() {
            for _ in 0..n {
                at -= 2 << order;
                mm.seed_free_block(reference::Pfn(at), reference::Order(order as u8), reference::Migratetype::Movable).unwrap();
            }
        }
    }
    assert_eq!(mm.buddyinfo(), kernel);
    let ours = mm.pagetypeinfo();
    if let Ok(kernel) = fs::read_to_string("/proc/pagetypeinfo") {
        let shape = |text: &str| {
            let heads = text.lines().filter(|l| l.starts_with("Node") || l.contains("type") || l.contains("order"));
            heads.map(|l| l.split(|c: char| c.is_ascii_digit()).next().unwrap_or("").to_owned()).collect::<Vec<_>>()
        };
        let without_cma = |text: String| text.lines().filter(|l| !l.contains("CMA")).collect::<Vec<_>>().join("\n");
        assert_eq!(shape(&ours), shape(&without_cma(kernel)));
    }
    assert_eq!(mm.zone_stats(ZoneId(0)).kind, zones[0].spec.kind);
}
