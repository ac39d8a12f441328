//! The high-atomic reserve: pageblocks kept for high-order requests that cannot sleep.

use super::pageblock::move_freepages_block;
use crate::{
    machine::{MAX_ORDER, Rules, WatermarkRule},
    page::{Migratetype, mem_map::MemMap},
    zone::mmzone::Zone,
};

/// `reserve_highatomic_pageblock`: after a high-order atomic request was served, its pageblock is kept for the next
/// one, up to about 1 % of the zone.
pub(crate) fn reserve(rules: &Rules, map: &mut MemMap, zone: &mut Zone, pfn: u64) {
    if zone.nr_reserved_highatomic >= cap(rules, zone) {
        return;
    }
    let (start, end) = zone.pageblock_range(pfn);
    if !zone.pageblock_type(pfn).is_mergeable() || end - start != zone.pageblock_pages() {
        return;
    }
    zone.nr_reserved_highatomic += zone.pageblock_pages();
    zone.note_reserve();
    zone.set_pageblock_type(pfn, Migratetype::HighAtomic);
    move_freepages_block(map, zone, pfn, Migratetype::HighAtomic);
}

/// Most pages the reserve may hold. 6.1 allows one pageblock even in a tiny zone; later kernels none there.
pub(crate) fn cap(rules: &Rules, zone: &Zone) -> u64 {
    let percent = zone.managed / 100;
    let block = zone.pageblock_pages();
    match rules.watermark {
        WatermarkRule::Nested if percent < block => 0,
        WatermarkRule::Nested => percent.next_multiple_of(block),
        WatermarkRule::Harder | WatermarkRule::Textbook => percent + block,
    }
}

/// `unreserve_highatomic_pageblock`: when reclaim gets nowhere, one reserved pageblock with free pages becomes
/// ordinary again, of the type that is asked for: its user gets the pages without mixing another pageblock. The
/// last one is given up by `force` only. Whether there was one.
pub(crate) fn unreserve(map: &mut MemMap, zones: &mut [Zone], to: Migratetype, force: bool) -> bool {
    for zone in zones {
        if zone.nr_reserved_highatomic == 0 || !force && zone.nr_reserved_highatomic <= zone.pageblock_pages() {
            continue;
        }
        let first = (0..=MAX_ORDER).find_map(|o| zone.first_free(o, Migratetype::HighAtomic));
        let Some(i) = first else { continue };
        let pfn = map.pfn(i);
        zone.nr_reserved_highatomic -= zone.pageblock_pages().min(zone.nr_reserved_highatomic);
        zone.note_reserve();
        zone.set_pageblock_type(pfn, to);
        move_freepages_block(map, zone, pfn, to);
        // The kernel changes lists here and merges nothing: a whole free pageblock stays apart from its buddy until
        // it is used.
        zone.unreserved.insert(pfn & !(zone.pageblock_pages() - 1));
        return true;
    }
    false
}
