//! Watermarks: the part of a zone that is kept free, and the requests it is kept for.
//!
//! The formulas are those of `mm/page_alloc.c` and `mm/khugepaged.c`; they reproduce a live host's `/proc/zoneinfo`
//! exactly (see the golden vector in the tests).

use alloc::vec::Vec;

use crate::{Layout, Rules, ZONE_TYPES, ZoneType, machine::PAGE_SIZE};

/// The watermarks of one zone, in pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Watermarks {
    /// The mark below which only users of the emergency reserve are served; other requests reclaim directly.
    pub min: u64,
    /// The mark below which kswapd is woken.
    pub low: u64,
    /// The mark up to which kswapd reclaims.
    pub high: u64,
    /// The mark up to which memory tiering demotes pages (since 5.18).
    pub promo: u64,
}

impl Watermarks {
    /// Returns the mark with this index: 0 min, 1 low, 2 high, 3 promo.
    #[inline]
    pub const fn get(&self, index: u32) -> u64 {
        match index {
            0 => self.min,
            1 => self.low,
            2 => self.high,
            _ => self.promo,
        }
    }
}

/// The tunables of `/proc/sys/vm` that decide the marks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tunables {
    /// `min_free_kbytes`, in KiB; with `None` the kernel's default is computed.
    pub min_free_kbytes: Option<u64>,
    /// `watermark_scale_factor`, in 1/10000 of managed memory.
    pub watermark_scale_factor: u64,
    /// `watermark_boost_factor`, in 1/10000 of the high mark; 0 switches boosting off.
    pub watermark_boost_factor: u64,
    /// Whether transparent huge pages are on, so that khugepaged raises `min_free_kbytes` for them.
    pub thp: bool,
}

impl Default for Tunables {
    fn default() -> Self {
        Self { min_free_kbytes: None, watermark_scale_factor: 10, watermark_boost_factor: 15_000, thp: true }
    }
}

/// `lowmem_reserve_ratio`, by zone type.
const LOWMEM_RESERVE_RATIO: [u64; ZONE_TYPES] = [256, 256, 32, 0, 0, 0];

/// The smallest min mark of a zone of high memory, in pages.
pub(crate) const HIGH_ZONE_LEAST: u64 = 32;

/// `is_highmem`: returns whether a zone's pages count as high memory. Those of the movable zone do on machines with
/// high memory, and since 6.6 everywhere.
pub(crate) fn is_high(layout: &Layout, rules: &Rules, kind: ZoneType) -> bool {
    match kind {
        ZoneType::HighMem => true,
        ZoneType::Movable => rules.movable_is_high || layout.configured.contains(&ZoneType::HighMem),
        _ => false,
    }
}

/// Returns the number of pages over which the marks are distributed: all but those of high memory.
fn lowmem_pages(layout: &Layout, rules: &Rules) -> u64 {
    layout.zones.iter().filter(|z| !is_high(layout, rules, z.kind)).map(|z| z.managed).sum()
}

/// Returns the zones that an ordinary request of the kernel may use (up to `gfp_zone(GFP_USER)`).
fn buffer_zones(layout: &Layout) -> impl Iterator<Item = &crate::ZoneSpec> {
    layout.zones.iter().filter(|z| z.managed > 0 && z.kind <= ZoneType::Normal)
}

/// Returns the kernel's default for `vm.min_free_kbytes`: the square root of 16 × low memory in KiB, limited to 128 to
/// 262144 KiB.
pub fn min_free_kbytes_by_size(lowmem_pages: u64) -> u64 {
    let lowmem_kb = lowmem_pages * (PAGE_SIZE >> 10);
    (lowmem_kb * 16).isqrt().clamp(128, 262_144)
}

/// Returns the `min_free_kbytes` that khugepaged asks for, in KiB: room in every populated zone for two free pageblocks
/// and one for each pair of mobility types, but at most 5 % of low memory.
pub fn min_free_kbytes_for_thp(layout: &Layout, pageblock_order: u8) -> u64 {
    const PCP_TYPES: u64 = 3;
    let zones = buffer_zones(layout).count() as u64;
    let pages: u64 = buffer_zones(layout).map(|z| z.managed).sum();
    let wanted = (zones << pageblock_order) * (2 + PCP_TYPES * PCP_TYPES);
    wanted.min(pages / 20) * (PAGE_SIZE >> 10)
}

/// `__setup_per_zone_wmarks`: returns the marks of every zone of a layout.
pub fn zone_watermarks(layout: &Layout, tunables: &Tunables, rules: &Rules) -> Vec<Watermarks> {
    let lowmem = lowmem_pages(layout, rules);
    let kbytes = tunables.min_free_kbytes.unwrap_or_else(|| {
        let by_size = min_free_kbytes_by_size(buffer_zones(layout).map(|z| z.managed).sum());
        if tunables.thp { by_size.max(min_free_kbytes_for_thp(layout, rules.pageblock_order)) } else { by_size }
    });
    let pages_min = kbytes / (PAGE_SIZE >> 10);
    let marks = |zone: &crate::ZoneSpec| {
        let share = pages_min * zone.managed / lowmem.max(1);
        let min =
            if is_high(layout, rules, zone.kind) { (zone.managed / 1024).clamp(HIGH_ZONE_LEAST, 128) } else { share };
        let gap = (share >> 2).max(zone.managed * tunables.watermark_scale_factor / 10_000);
        Watermarks { min, low: min + gap, high: min + 2 * gap, promo: min + 3 * gap }
    };
    layout.zones.iter().map(marks).collect()
}

/// `setup_per_zone_lowmem_reserve`: returns the `lowmem_reserve` of every zone, in pages. The row of a zone has, by the
/// highest zone of a request, the pages that the zone keeps from requests that a higher zone could have served.
pub fn lowmem_reserve(layout: &Layout) -> Vec<[u64; ZONE_TYPES]> {
    let managed =
        |node, kind| layout.zones.iter().filter(|z| z.node == node && z.kind == kind).map(|z| z.managed).sum::<u64>();
    let reserve = |zone: &crate::ZoneSpec| {
        let ratio = LOWMEM_RESERVE_RATIO[zone.kind.index()];
        let mut above = 0;
        let mut row = [0; ZONE_TYPES];
        for kind in ZoneType::ALL.into_iter().filter(|k| *k > zone.kind) {
            above += managed(zone.node, kind);
            row[kind.index()] = u64::checked_div(above, ratio).unwrap_or(0);
        }
        row
    };
    layout.zones.iter().map(reserve).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Generation, NodeId, ZoneSpec, pcp_sizes};
    use alloc::{borrow::ToOwned, vec};

    fn golden() -> Layout {
        let zone = |kind, start_pfn, spanned, managed| ZoneSpec {
            kind,
            node: NodeId(0),
            start_pfn,
            spanned,
            present: managed,
            managed,
        };
        Layout {
            name: "6.18 host".to_owned(),
            zones: vec![
                zone(ZoneType::Dma, 1, 4095, 3840),
                zone(ZoneType::Dma32, 4096, 1_044_480, 772_915),
                zone(ZoneType::Normal, 1_048_576, 688_128, 688_128),
            ],
            cpus: 2,
            configured: vec![ZoneType::Dma, ZoneType::Dma32, ZoneType::Normal, ZoneType::Movable, ZoneType::Device],
            page_offset: crate::PAGE_OFFSET_X86_64,
        }
    }

    /// The values come from `/proc/zoneinfo` of a host with Linux 6.18.44.
    #[test]
    fn golden_vector() {
        let layout = golden();
        assert_eq!(min_free_kbytes_for_thp(&layout, 9), 67_584);
        let marks = zone_watermarks(&layout, &Tunables::default(), &Rules::of(Generation::V6_18));
        let expected = [(44, 55, 66, 77), (8914, 11142, 13370, 15598), (7936, 9920, 11904, 13888)];
        for (m, (min, low, high, promo)) in marks.iter().zip(expected) {
            assert_eq!(*m, Watermarks { min, low, high, promo });
        }
        let sizes: Vec<_> = layout.zones.iter().zip(&marks).map(|(z, m)| pcp_sizes(z.managed, m.low, 2)).collect();
        let sizes: Vec<_> = sizes.iter().map(|s| (s.batch, s.high_min, s.high_max)).collect();
        assert_eq!(sizes, [(1, 27, 240), (63, 5571, 48307), (63, 4960, 43008)]);
        assert_eq!(lowmem_reserve(&layout)[0], [0, 3019, 5707, 5707, 5707, 5707]);
    }

    #[test]
    fn square_root_without_huge_pages() {
        let tunables = Tunables { thp: false, ..Tunables::default() };
        assert_eq!(min_free_kbytes_by_size(1_464_883), 9682);
        let marks = zone_watermarks(&golden(), &tunables, &Rules::of(Generation::V6_18));
        assert_eq!(marks[2].min, 9682 / 4 * 688_128 / 1_464_883);
        assert_eq!(marks[2].low - marks[2].min, 688, "the scale factor wins over a quarter of a small minimum");
    }

    #[test]
    fn huge_pages_may_raise_the_minimum_to_a_twentieth_of_low_memory() {
        // 256 MiB are in two zones: two times 11 pageblocks would be 45056 KiB, but a twentieth of the memory is less.
        assert_eq!(min_free_kbytes_for_thp(&Layout::x86_64(1 << 16, 1), 9), ((1 << 16) - 1) / 20 * 4);
    }
}
