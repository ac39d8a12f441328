//! The high-atomic reserve: pageblocks reserved for high-order requests that cannot sleep.

use super::pageblock::move_freepages_block;
use crate::{
    machine::{MAX_ORDER, Rules, WatermarkRule},
    page::{Migratetype, mem_map::MemMap},
    zone::mmzone::Zone,
};

/// `reserve_highatomic_pageblock`: reserves the pageblock from which a high-order atomic request was served for later
/// such requests, up to about 1 % of the zone.
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

/// Returns the most pages that the reserve may hold. 6.1 allows one pageblock even in a tiny zone; later kernels allow
/// none there.
pub(crate) fn cap(rules: &Rules, zone: &Zone) -> u64 {
    let percent = zone.managed / 100;
    let block = zone.pageblock_pages();
    match rules.watermark {
        WatermarkRule::Nested if percent < block => 0,
        WatermarkRule::Nested => percent.next_multiple_of(block),
        WatermarkRule::Harder | WatermarkRule::Textbook => percent + block,
    }
}

/// `unreserve_highatomic_pageblock`: when reclaim makes no progress, returns one reserved pageblock with free pages to
/// ordinary use. The pageblock becomes one of the requested type, so that the request need not mix another pageblock.
/// The last reserved pageblock is given up only if `force` is set. Returns whether there was such a pageblock.
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
        // The kernel changes lists here and merges nothing, so a free block of a whole pageblock stays apart from its
        // buddy until it is used.
        zone.unreserved.insert(pfn & !(zone.pageblock_pages() - 1));
        return true;
    }
    false
}
