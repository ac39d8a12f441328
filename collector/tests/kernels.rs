//! `/proc` as real kernels print it (see trace/fixtures/README.md), a 32-bit one with high memory among them.

use std::{fs, path::Path};

use collector::kernel::{BuddyInfo, PageTypeInfo, ZoneInfo};

const KERNELS: [&str; 4] = ["6.1", "6.1-i386", "6.12", "6.18"];

fn proc(kernel: &str, file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../trace/fixtures/kernel/{kernel}/proc/{file}"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn zones_are_those_of_the_architecture() {
    for kernel in KERNELS {
        let zones = ZoneInfo::parse(&proc(kernel, "zoneinfo")).unwrap();
        let populated: Vec<_> =
            zones.iter().filter(|zone| zone.get("managed") > 0).map(|zone| zone.zone.as_str()).collect();
        if kernel == "6.1-i386" {
            assert_eq!(populated, ["DMA", "Normal", "HighMem"]);
            // High memory starts where low memory ends.
            assert_eq!(
                zones.iter().find(|zone| zone.zone == "HighMem").unwrap().get("start_pfn"),
                zones
                    .iter()
                    .find(|zone| zone.zone == "Normal")
                    .map(|zone| zone.get("start_pfn") + zone.get("spanned"))
                    .unwrap()
            );
        } else {
            assert_eq!(populated[..2], ["DMA", "DMA32"], "{kernel}");
            assert_eq!(zones[0].get("start_pfn"), 1, "{kernel}: frame 0 belongs to nobody on x86-64");
            assert_eq!(zones[1].get("start_pfn"), 4096, "{kernel}: DMA ends at 16 MiB");
        }
        for zone in zones.iter().filter(|zone| zone.get("managed") > 0) {
            let [min, low, high] = ["min", "low", "high"].map(|item| zone.get(item));
            assert!(
                min <= low
                    && low <= high
                    && zone.get("managed") <= zone.get("present")
                    && zone.get("present") <= zone.get("spanned"),
                "{kernel} {}",
                zone.zone
            );
            assert!(
                zone.items.iter().any(|(item, _)| item == "pagesets[1].batch"),
                "{kernel} {}: both CPUs' lists",
                zone.zone
            );
        }
    }
}

#[test]
fn the_three_files_agree() {
    for kernel in KERNELS {
        let zones = ZoneInfo::parse(&proc(kernel, "zoneinfo")).unwrap();
        let buddyinfo = BuddyInfo::parse(&proc(kernel, "buddyinfo")).unwrap();
        let pagetypes = PageTypeInfo::parse(&proc(kernel, "pagetypeinfo")).unwrap();
        assert_eq!(pagetypes.migratetypes[..3], ["Unmovable", "Movable", "Reclaimable"], "{kernel}");
        // Huge pages are 2 MiB on x86-64 and with PAE on x86-32.
        assert_eq!(pagetypes.pageblock_order, 9, "{kernel}");
        for info in &buddyinfo {
            let pages =
                |nr_free: &[u64]| nr_free.iter().enumerate().map(|(order, nr_free)| nr_free << order).sum::<u64>();
            let free = pages(&info.nr_free);
            let by_type: u64 = pagetypes
                .nr_free
                .iter()
                .filter(|(_, zone, ..)| *zone == info.zone)
                .map(|(.., nr_free)| pages(nr_free))
                .sum();
            let told = zones.iter().find(|zone| zone.zone == info.zone).unwrap().get("nr_free_pages");
            // They were read one after the other, on a machine that ran.
            for other in [by_type, told] {
                assert!(
                    free.abs_diff(other) <= 512 + free / 100,
                    "{kernel} {}: {free} and {other} free pages",
                    info.zone
                );
            }
        }
    }
}
