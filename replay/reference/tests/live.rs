//! The formulas, compared with the /proc and /sys of the running kernel. Where these cannot be read, the test is
//! skipped and says so.
//!
//! Marks, reserves and list sizes are as old as the last time that the kernel computed them. At boot it computes them
//! before it frees its initial memory, and `managed` grows afterwards without them. In a guest that belongs to the
//! project (`GFPSCOPE_GUEST`) the test first makes the kernel compute them again, by writing its settings' own values
//! to them. On any other machine the test writes nothing, and recognizes outdated marks.

use std::{env, fs};

use reference::{
    Config, Generation, Layout, NodeId, PageAllocator, Rules, Tunables, ZONE_TYPES, ZoneId, ZoneSpec, ZoneType,
    pcp_sizes, slab_sizes, zone_watermarks,
};

fn release() -> (u32, u32) {
    let text = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(|n| n.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

fn generation() -> Generation {
    let (major, minor) = release();
    Generation::of_release(major, minor)
}

/// Returns the number of CPUs in a list such as `0-3,8` of /sys/devices/system/cpu, and the last CPU.
fn cpu_list(which: &str) -> (u16, u16) {
    let text = fs::read_to_string(format!("/sys/devices/system/cpu/{which}")).unwrap_or_else(|_| "0".to_owned());
    let ranges = text.trim().split(',').map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        (first.parse().unwrap_or(0u16), last.parse().unwrap_or(0u16))
    });
    ranges.fold((0, 0), |(count, _), (first, last)| (count + last - first + 1, last))
}

fn cpus() -> u16 {
    cpu_list("online").0
}

fn is_guest() -> bool {
    env::var_os("GFPSCOPE_GUEST").is_some()
}

/// Makes the kernel compute marks, reserves and list sizes from its current managed pages.
fn recompute() {
    for setting in ["min_free_kbytes", "lowmem_reserve_ratio"] {
        let path = format!("/proc/sys/vm/{setting}");
        let value = fs::read_to_string(&path).unwrap();
        fs::write(&path, value.trim()).unwrap();
    }
}

fn number(path: &str) -> Option<u64> {
    fs::read_to_string(path).ok()?.split_whitespace().next()?.parse().ok()
}

/// A zone of `/proc/zoneinfo`: its layout, and the items that follow from the formulas.
struct Zone {
    spec: ZoneSpec,
    /// The marks min, low and high, and promo where the kernel prints it (6.12 does, 6.1 does not).
    marks: Vec<u64>,
    /// The number of pages by which the marks are raised at present.
    boost: u64,
    protection: Vec<u64>,
    batch: u64,
    /// The limits that do not move: `high_min` and `high_max`, which 6.12 does not print, or the one `high` of 6.1.
    limits: Vec<u64>,
}

fn zoneinfo() -> Option<Vec<Zone>> {
    let text = fs::read_to_string("/proc/zoneinfo").ok()?;
    let mut zones = Vec::new();
    for part in text.split("Node ").skip(1) {
        let (node, rest) = part.split_once(", zone")?;
        let name = rest.split_whitespace().next()?;
        let value = |key: &str| rest.lines().find_map(|l| l.trim().strip_prefix(key)?.trim().parse::<u64>().ok());
        let Some(kind) = ZoneType::from_name(name).filter(|_| value("spanned ").is_some_and(|n| n > 0)) else {
            continue;
        };
        let list = rest.lines().find_map(|l| l.trim().strip_prefix("protection: (")?.strip_suffix(')'))?;
        let spec = ZoneSpec {
            kind,
            node: NodeId(node.parse().ok()?),
            start_pfn: value("start_pfn:")?,
            spanned: value("spanned ")?,
            present: value("present ")?,
            managed: value("managed ")?,
        };
        // The kernel prints the marks with the boost included.
        let boost = value("boost ").unwrap_or(0);
        let limits: &[&str] = if generation() == Generation::V6_1 { &["high:"] } else { &["high_min:", "high_max:"] };
        zones.push(Zone {
            spec,
            marks: ["min ", "low ", "high ", "promo "].iter().filter_map(|key| Some(value(key)? - boost)).collect(),
            boost,
            protection: list.split(", ").filter_map(|n| n.parse().ok()).collect(),
            batch: value("batch:").unwrap_or(0),
            limits: limits.iter().filter_map(|key| value(key)).collect(),
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
    if is_guest() {
        recompute();
    }
    let (Some(zones), Some(min_free)) = (zoneinfo(), number("/proc/sys/vm/min_free_kbytes")) else {
        eprintln!("SKIPPED: /proc/zoneinfo cannot be read");
        return;
    };
    let scale = number("/proc/sys/vm/watermark_scale_factor").unwrap_or(10);
    let tunables = Tunables { min_free_kbytes: Some(min_free), watermark_scale_factor: scale, ..Tunables::default() };
    let layout = layout(&zones);
    let marks = zone_watermarks(&layout, &tunables, &Rules::of(generation()));
    let reserves = reference::lowmem_reserve(&layout);
    // The kernel's columns are its configured zones: on x86-64 DMA, DMA32, Normal, Movable, Device; on a 32-bit kernel
    // HighMem takes the place of DMA32.
    let columns: Vec<ZoneType> = fs::read_to_string("/proc/zoneinfo")
        .unwrap()
        .lines()
        .filter_map(|l| ZoneType::from_name(l.split_once(", zone")?.1.trim()))
        .collect();
    let ours = |reserve: &[u64; ZONE_TYPES]| columns.iter().map(|kind| reserve[kind.index()]).collect::<Vec<_>>();
    let outdated =
        zones.iter().zip(&reserves).any(|(zone, reserve)| ours(reserve)[..zone.protection.len()] != zone.protection);
    if outdated && !is_guest() {
        eprintln!("SKIPPED: this kernel has not computed its reserves since the number of managed pages changed");
        return;
    }
    for ((zone, marks), reserve) in zones.iter().zip(&marks).zip(&reserves) {
        let name = zone.spec.kind.name();
        assert_eq!(ours(reserve)[..zone.protection.len()], zone.protection, "{name}: protection against {columns:?}");
        assert!(zone.marks.len() >= 3, "{name}: the kernel prints no marks");
        assert_eq!(
            [marks.min, marks.low, marks.high, marks.promo][..zone.marks.len()],
            zone.marks,
            "{name}: min, low, high, promo"
        );
        if generation() != Generation::Textbook {
            assert_eq!(u64::from(pcp_sizes(zone.spec.managed, marks.low, cpus()).batch), zone.batch, "{name}: batch");
            // The kernel computes the list sizes, for example when a CPU is added, from the low mark of that moment,
            // boost included.
            let limits = |boost: u64| {
                let sizes = pcp_sizes(zone.spec.managed, marks.low + boost, cpus());
                [sizes.high_min, sizes.high_max].map(u64::from)[..zone.limits.len()].to_vec()
            };
            let boosts = (0..=marks.high * 3 / 2).step_by(512).skip(1);
            if limits(0) != zone.limits
                && limits(zone.boost) != zone.limits
                && boosts.into_iter().any(|boost| limits(boost) == zone.limits)
            {
                eprintln!(
                    "SKIPPED: {name}: the per-CPU lists are {:?}, sized while the marks had a boost that is gone",
                    zone.limits
                );
                continue;
            }
            let boost = if limits(0) == zone.limits { 0 } else { zone.boost };
            assert_eq!(limits(boost), zone.limits, "{name}: limits of the per-CPU lists");
        }
        eprintln!(
            "{name}: {} pages managed, marks {:?}, protection {:?} agree",
            zone.spec.managed, zone.marks, zone.protection
        );
    }
}

#[test]
fn slab_sizes_of_this_machine() {
    let Ok(caches) = fs::read_dir("/sys/kernel/slab") else {
        eprintln!("SKIPPED: /sys/kernel/slab cannot be read");
        return;
    };
    let cpus = cpu_list("possible").1 + 1;
    let (mut checked, mut wrong) = (0, Vec::new());
    for cache in caches.flatten() {
        let value = |name: &str| number(cache.path().join(name).to_str()?);
        let Some(size) = value("slab_size") else { continue };
        let sizes = slab_sizes(generation(), size as u32, cpus);
        // A cache without partial lists per CPU (for debugging or another reason) shows 0.
        let cpu_partial = value("cpu_partial").unwrap_or(0);
        let ours_partial = if cpu_partial == 0 { 0 } else { u64::from(sizes.cpu_partial) };
        let ours = [u64::from(sizes.order), u64::from(sizes.objects), u64::from(sizes.min_partial), ours_partial];
        let kernel = ["order", "objs_per_slab", "min_partial"].map(|name| value(name).unwrap_or(0));
        let kernel = [kernel[0], kernel[1], kernel[2], cpu_partial];
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
        eprintln!("SKIPPED: /proc/buddyinfo cannot be read");
        return;
    };
    let Some(mut zones) = zoneinfo() else { return };
    // Only the counts matter here, so each zone gets enough room to keep its free blocks apart.
    let pages = |line: &str| {
        let counts = line.split_whitespace().skip(4).map(|n| n.parse::<u64>().unwrap());
        counts.enumerate().map(|(order, n)| n << (order + 1)).sum::<u64>()
    };
    let room = kernel.lines().map(pages).max().unwrap_or(0).next_multiple_of(1 << reference::MAX_ORDER).max(1 << 16);
    for (n, zone) in zones.iter_mut().enumerate() {
        (zone.spec.start_pfn, zone.spec.spanned) = (n as u64 * room, room);
    }
    let mut mm = PageAllocator::held(Config::new(layout(&zones), generation()));
    for (text, zone) in kernel.lines().zip(&zones) {
        let counts = text.split_whitespace().skip(4).map(|n| n.parse::<u64>().unwrap());
        let mut at = zone.spec.start_pfn + room;
        for (order, n) in counts.enumerate().collect::<Vec<_>>().into_iter().rev() {
            for _ in 0..n {
                at -= 2 << order;
                mm.seed_free_block(reference::Pfn(at), reference::Order(order as u8), reference::Migratetype::Movable)
                    .unwrap();
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
    mm.validate().unwrap();
}
