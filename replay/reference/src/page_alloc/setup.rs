//! Boot: setting up the zones, zonelists and marks of a machine, and freeing its memory to the buddy system.

use alloc::vec::Vec;

use super::{allocator::PageAllocator, config::Config, counters::Counters, routes::Routes};
use crate::{
    PcpRule, ZoneId, ZoneType,
    machine::MAX_ORDER,
    page::{MAX_ZONES, list::End, mem_map::MemMap},
    pcp::{pcp_sizes, pcp_sizes_textbook},
    zone::{
        mmzone::Zone,
        watermark::{lowmem_reserve, zone_watermarks},
        zonelist::Zonelists,
    },
};

impl PageAllocator {
    /// Creates an allocator with all memory in use by unknown owners. Free blocks are added with
    /// [`Self::seed_free_block`] and the similar functions.
    ///
    /// The layout must have at least one zone, at most 32; its zones must be disjoint and together fit a 32-bit frame
    /// index (16 TiB).
    pub fn held(config: Config) -> Self {
        let layout = &config.layout;
        let base = layout.zones.iter().map(|z| z.start_pfn).min().unwrap_or(0);
        let end = layout.zones.iter().map(|z| z.start_pfn + z.spanned).max().unwrap_or(0);
        let zone = |(id, spec)| Zone::new(id as u8, spec, layout.cpus, &config.rules);
        let zones: Vec<Zone> = layout.zones.iter().enumerate().map(zone).collect();
        let zonelists = Zonelists::build(layout, &zones);
        assert!(
            zones.len() <= MAX_ZONES,
            "{} zones; a page's metadata has room for the number of {MAX_ZONES}",
            zones.len()
        );
        let map = MemMap::new(base, end);
        let nodes = layout.nodes() as u8;
        let routes = Routes::new(&config, &zonelists);
        let has_dma32 = layout.configured.contains(&ZoneType::Dma32);
        let mut mm = Self { config, map, zones, zonelists, counters: Counters::default(), nodes, has_dma32, routes };
        mm.setup_marks();
        mm
    }

    /// Creates an allocator with all managed memory free, as at the end of boot. Where a zone has fewer managed pages
    /// than it spans, its first frames are in use, by the kernel image and other static data.
    pub fn new(config: Config) -> Self {
        let mut mm = Self::held(config);
        for z in 0..mm.zones.len() {
            let (start, end) = (mm.zones[z].end - mm.zones[z].managed, mm.zones[z].end);
            mm.release_range(z, start, end);
        }
        mm
    }

    /// `setup_per_zone_wmarks`, `setup_per_zone_lowmem_reserve` and `zone_set_pageset_high_and_batch`: set the marks,
    /// the reserves and the sizes of the per-CPU lists by the formulas.
    pub(crate) fn setup_marks(&mut self) {
        let config = &self.config;
        let marks = zone_watermarks(&config.layout, &config.tunables, &config.rules);
        let reserves = lowmem_reserve(&config.layout);
        for (zone, (marks, reserve)) in self.zones.iter_mut().zip(marks.into_iter().zip(reserves)) {
            zone.marks = marks;
            zone.lowmem_reserve = reserve;
            zone.counters.boost_factor = config.tunables.watermark_boost_factor;
            let sizes = match config.rules.pcp {
                PcpRule::Textbook => pcp_sizes_textbook(zone.present),
                PcpRule::FixedHigh | PcpRule::AutoHigh => pcp_sizes(zone.managed, marks.low, config.layout.cpus),
            };
            for pcp in &mut zone.pcp {
                pcp.set_sizes(&config.rules, sizes);
            }
            zone.note_reserve();
        }
    }

    /// Sets the number of managed pages of a zone after it has changed (balloon, hotplug). Marks, reserves and per-CPU
    /// sizes follow by the formulas. The caller frees or allocates the frames that came or went.
    pub fn set_managed(&mut self, zone: ZoneId, managed: u64) {
        let z = usize::from(zone.0);
        self.zones[z].managed = managed;
        self.config.layout.zones[z].managed = managed;
        self.zonelists = Zonelists::build(&self.config.layout, &self.zones);
        self.routes = Routes::new(&self.config, &self.zonelists);
        self.setup_marks();
    }

    /// `memblock_free_all`: gives frames to the buddy system in the largest aligned blocks, at the tails of the lists,
    /// so that low addresses are allocated first.
    pub(crate) fn release_range(&mut self, z: usize, start: u64, end: u64) {
        let mut at = start;
        while at < end {
            let aligned = if at == 0 { u32::from(MAX_ORDER) } else { at.trailing_zeros() };
            let order = aligned.min((end - at).ilog2()).min(u32::from(MAX_ORDER)) as u8;
            let i = self.map.index(at);
            let zone = &mut self.zones[z];
            let mt = zone.pageblock_type(at);
            zone.add_to_free_list(&mut self.map, i, order, mt, End::Tail);
            at += 1 << order;
        }
    }
}
