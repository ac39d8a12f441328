//! `__zone_watermark_ok`: whether a request may take a block from a zone.

use crate::{
    Migratetype, Rules, WatermarkRule, ZoneType, gfp::alloc_flags::AllocFlags, machine::MAX_ORDER, zone::mmzone::Zone,
};

/// `zone_watermark_fast`: most requests of order 0 pass this check without a look at the free lists.
#[inline]
pub(crate) fn watermark_fast(
    rules: &Rules,
    zone: &Zone,
    order: u8,
    mark: u64,
    highest: ZoneType,
    alloc: AllocFlags,
) -> bool {
    if order == 0 {
        let usable = zone.nr_free.saturating_sub(unusable(rules, zone, alloc));
        if usable > mark + zone.lowmem_reserve[highest.index()] {
            return true;
        }
    }
    watermark_ok(rules, zone, order, mark, highest, alloc, zone.nr_free)
}

/// `__zone_watermark_unusable_free`: returns the free pages that this request may not count on.
#[inline]
fn unusable(rules: &Rules, zone: &Zone, alloc: AllocFlags) -> u64 {
    let mut pages = 0;
    if !alloc.has_reserve_rights(rules.watermark) {
        pages += match rules.watermark {
            WatermarkRule::Textbook => 0,
            WatermarkRule::Harder => zone.nr_reserved_highatomic,
            WatermarkRule::Nested => zone.nr_free_highatomic,
        };
    }
    if !alloc.has(AllocFlags::CMA) {
        pages += zone.nr_free_cma;
    }
    pages
}

/// `__zone_watermark_ok`: returns whether the request may take a block, given the number of free pages.
pub(crate) fn watermark_ok(
    rules: &Rules,
    zone: &Zone,
    order: u8,
    mark: u64,
    highest: ZoneType,
    alloc: AllocFlags,
    free: u64,
) -> bool {
    let mut min = mark.cast_signed();
    let own = (1i64 << order) - 1;
    let mut free = free.cast_signed() - own - unusable(rules, zone, alloc).cast_signed();
    match rules.watermark {
        WatermarkRule::Textbook => {
            if alloc.has(AllocFlags::MIN_RESERVE) {
                min -= min / 2;
            }
            if alloc.has(AllocFlags::NON_BLOCK) {
                min -= min / 4;
            }
        }
        WatermarkRule::Harder => {
            if alloc.has(AllocFlags::MIN_RESERVE) {
                min -= min / 2;
            }
            if alloc.has(AllocFlags::OOM) {
                min -= min / 2;
            } else if alloc.has(AllocFlags::NON_BLOCK) {
                min -= min / 4;
            }
        }
        WatermarkRule::Nested => {
            if alloc.has(AllocFlags::MIN_RESERVE) {
                min -= min / 2;
                if alloc.has(AllocFlags::NON_BLOCK) {
                    min -= min / 4;
                }
            }
            if alloc.has(AllocFlags::OOM) {
                min -= min / 2;
            }
        }
    }
    if free <= min + zone.lowmem_reserve[highest.index()].cast_signed() {
        return false;
    }
    if order == 0 {
        return true;
    }
    if rules.watermark == WatermarkRule::Textbook {
        // Each smaller order takes its pages out of the count and halves the pages that must be left.
        for o in 0..order {
            free -= (zone.free_area[usize::from(o)].nr_free() << o).cast_signed();
            min >>= 1;
            if free <= min {
                return false;
            }
        }
        return true;
    }
    has_block(rules, zone, order, alloc)
}

/// Returns whether a list that this request may use has a block that is large enough.
fn has_block(rules: &Rules, zone: &Zone, order: u8, alloc: AllocFlags) -> bool {
    let has = |mt| zone.smallest_order(order, mt).is_some();
    let reserve = match rules.watermark {
        WatermarkRule::Nested => AllocFlags::HIGHATOMIC.with(AllocFlags::OOM),
        _ => AllocFlags::NON_BLOCK.with(AllocFlags::OOM),
    };
    debug_assert!(order <= MAX_ORDER);
    zone.has_ordinary_block(order)
        || alloc.has(AllocFlags::CMA) && has(Migratetype::Cma)
        || alloc.has(reserve) && has(Migratetype::HighAtomic)
}
