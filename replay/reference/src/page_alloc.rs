//! The page allocator: requests in, frames out.

use alloc::vec::Vec;

use crate::{
    AllocError, Cpu, Generation, Gfp, GfpTable, Layout, Misuse, NoPressure, NodeId, Order, Pfn, Pressure, Rules,
    Tunables, ZoneId, ZoneType,
    alloc_flags::AllocFlags,
    buddy,
    gfp::{gfp_migratetype, gfp_zone},
    ids::MAX_ORDER,
    mem_map::{BlockState, MAX_ZONES, MemMap, Tag},
    migratetype::Migratetype,
    pcp,
    rmqueue::{Mode, Request, rmqueue},
    stats::Counters,
    watermark_ok::{watermark_fast, watermark_ok},
    zone::Zone,
    zonelist::Zonelists,
};

mod fast;
mod slowpath;

pub(crate) use fast::Routes;

/// Everything a page allocator is built from.
#[derive(Clone, Debug)]
pub struct Config {
    /// The machine.
    pub layout: Layout,
    /// The kernel generation.
    pub generation: Generation,
    /// Its rules; change one for a what-if.
    pub rules: Rules,
    /// The GFP numbering of the masks that will be passed in.
    pub gfp: GfpTable,
    /// `/proc/sys/vm` settings.
    pub tunables: Tunables,
}

impl Config {
    /// A machine under an unmodified kernel of this generation.
    pub fn new(layout: Layout, generation: Generation) -> Self {
        let thp = generation != Generation::Textbook;
        let tunables = Tunables { thp, ..Tunables::default() };
        Self { layout, generation, rules: Rules::of(generation), gfp: GfpTable::of(generation), tunables }
    }
}

/// The page allocator of one machine: zones, buddy lists, per-CPU lists. Deterministic: the same calls give the same
/// frames.
pub struct PageAllocator {
    pub(crate) config: Config,
    pub(crate) map: MemMap,
    pub(crate) zones: Vec<Zone>,
    pub(crate) zonelists: Zonelists,
    pub(crate) counters: Counters,
    nodes: u8,
    /// DMA32 is configured: unmovable requests can spill into it.
    has_dma32: bool,
    pub(crate) routes: Routes,
}

impl PageAllocator {
    /// An allocator with all memory in use by someone unknown: free blocks are put in with [`Self::seed_free_block`]
    /// and its like.
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

    /// An allocator with all managed memory free, as at the end of boot. Where a zone has fewer managed pages than it
    /// spans, the first frames are the ones in use: the kernel image and other static data.
    pub fn new(config: Config) -> Self {
        let mut mm = Self::held(config);
        for z in 0..mm.zones.len() {
            let (start, end) = (mm.zones[z].end - mm.zones[z].managed, mm.zones[z].end);
            mm.release_range(z, start, end);
        }
        mm
    }

    /// Bytes of metadata per page frame.
    pub const METADATA_BYTES_PER_PAGE: usize = MemMap::BYTES_PER_FRAME;

    /// The machine, generation and tunables.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Decodes masks as this allocator understands them.
    pub const fn gfp(&self) -> &GfpTable {
        &self.config.gfp
    }

    /// Mask of a GFP name in this allocator's numbering; an unknown name is the empty mask.
    pub fn mask(&self, names: &str) -> Gfp {
        self.config.gfp.encode(names).map_or_else(|_| Gfp::default(), Gfp)
    }

    /// The first zone of a request's zonelist: where it goes as long as nothing runs low.
    pub fn preferred_zone(&self, gfp: Gfp, node: NodeId) -> Option<ZoneId> {
        let highest = gfp_zone(self.config.gfp.flags(gfp.0)).ok()?;
        self.zonelists.get(node.0, highest, 0).map(ZoneId)
    }

    /// Allocates 2^order contiguous frames and returns the first: `alloc_pages_node`. Nothing can be reclaimed.
    ///
    /// # Errors
    /// When the mask is illegal, or no allowed zone can give a block.
    #[expect(clippy::inline_always, reason = "a call would cost a fifth of what it does")]
    #[inline(always)]
    pub fn alloc_pages(&mut self, gfp: Gfp, order: Order, cpu: Cpu, node: NodeId) -> Result<Pfn, AllocError> {
        self.alloc_pages_under(&mut NoPressure, gfp, order, cpu, node)
    }

    /// Like [`Self::alloc_pages`], with someone who can give memory back when it runs low.
    ///
    /// # Errors
    /// When the mask is illegal, or no allowed zone can give a block even after reclaim.
    #[expect(clippy::inline_always, reason = "a call would cost a fifth of what it does")]
    #[inline(always)]
    pub fn alloc_pages_under<P: Pressure>(
        &mut self,
        pressure: &mut P,
        gfp: Gfp,
        order: Order,
        cpu: Cpu,
        node: NodeId,
    ) -> Result<Pfn, AllocError> {
        match self.alloc_fast(gfp, order, cpu, node) {
            Some(pfn) => Ok(pfn),
            None => self.alloc_by_mask(pressure, gfp, order, cpu, node),
        }
    }

    #[inline(never)]
    fn alloc_by_mask<P: Pressure>(
        &mut self,
        pressure: &mut P,
        gfp: Gfp,
        order: Order,
        cpu: Cpu,
        node: NodeId,
    ) -> Result<Pfn, AllocError> {
        self.alloc_by_flags(pressure, self.config.gfp.flags(gfp.0), order, cpu, node)
    }

    /// Like [`Self::alloc_pages_under`], for masks that have been read already.
    #[inline]
    pub(crate) fn alloc_by_flags<P: Pressure>(
        &mut self,
        pressure: &mut P,
        flags: crate::Flags,
        order: Order,
        cpu: Cpu,
        node: NodeId,
    ) -> Result<Pfn, AllocError> {
        let mut request = self.prepare(flags, order, cpu, node)?;
        let found = match self.get_page_from_freelist(&mut request) {
            Some(found) => Ok(found),
            None => self.slowpath(pressure, &mut request),
        };
        match found {
            Ok((i, z)) => {
                let zone = &mut self.zones[usize::from(z)];
                if zone.counters.boosted {
                    zone.counters.boosted = false;
                    zone.note_reserve();
                    self.counters.kswapd_wakeups += 1;
                    pressure.kswapd(self, ZoneId(z));
                }
                self.counters.allocs += 1;
                Ok(Pfn(self.map.pfn(i)))
            }
            Err(e) => {
                self.counters.failures += 1;
                Err(e)
            }
        }
    }

    /// `prepare_alloc_pages`: reads the mask.
    #[inline]
    fn prepare(&self, flags: crate::Flags, order: Order, cpu: Cpu, node: NodeId) -> Result<Request, AllocError> {
        if order.0 > MAX_ORDER {
            return Err(AllocError::OrderTooLarge(order));
        }
        if usize::from(cpu.0) >= self.zones[0].pcp.len() || node.0 >= self.nodes {
            return Err(AllocError::NoSuchCpuOrNode);
        }
        let highest = gfp_zone(flags).map_err(AllocError::BadZoneBits)?;
        let migratetype = gfp_migratetype(flags).ok_or(AllocError::BadMobility)?;
        let migratetype = if self.config.rules.mobility_grouping { migratetype } else { Migratetype::Unmovable };
        let alloc = AllocFlags::fast(migratetype, flags);
        Ok(Request { order: order.0, migratetype, flags, alloc, highest, node, cpu: cpu.0 })
    }

    /// `get_page_from_freelist`: walks the zonelist, checks each zone's mark, takes a block from the first that has
    /// one. Returns the frame index and the zone.
    #[inline]
    pub(crate) fn get_page_from_freelist(&mut self, request: &mut Request) -> Option<(u32, u8)> {
        let preferred = self.zonelists.get(request.node.0, request.highest, 0)?;
        if request.alloc.mark() == AllocFlags::WMARK_LOW.0 && self.avoids_fragmentation(preferred) {
            request.alloc = request.alloc.with(AllocFlags::NOFRAGMENT);
        }
        loop {
            if let Some(found) = self.walk_zonelist(request, preferred) {
                return Some(found);
            }
            if !request.alloc.has(AllocFlags::NOFRAGMENT) {
                return None;
            }
            // Every zone would have to break a pageblock: then so be it.
            request.alloc = request.alloc.without(AllocFlags::NOFRAGMENT);
        }
    }

    /// `alloc_flags_nofragment`: only worth it when there is a DMA32 zone below to spill into.
    #[inline]
    fn avoids_fragmentation(&self, preferred: u8) -> bool {
        self.config.rules.nofragment && self.zones[usize::from(preferred)].kind == ZoneType::Normal && self.has_dma32
    }

    #[inline]
    fn walk_zonelist(&mut self, request: &mut Request, preferred: u8) -> Option<(u32, u8)> {
        let rules = self.config.rules;
        let mut position = 0;
        while let Some(z) = self.zonelists.get(request.node.0, request.highest, position) {
            position += 1;
            let zone = &mut self.zones[usize::from(z)];
            if zone.node != request.node {
                if request.flags.contains(crate::Flags::THISNODE) {
                    break;
                }
                if z != preferred && request.alloc.has(AllocFlags::NOFRAGMENT) {
                    // A remote page costs more than a broken local pageblock: start over without the flag.
                    request.alloc = request.alloc.without(AllocFlags::NOFRAGMENT);
                    position = 0;
                    continue;
                }
            }
            if !request.alloc.has(AllocFlags::NO_WATERMARKS) && !may_take_from(&rules, zone, request) {
                continue;
            }
            if let Some(i) = take(&rules, &mut self.map, zone, request) {
                return Some((i, z));
            }
        }
        None
    }

    /// kswapd begins to work on a zone (`ZONE_RECLAIM_ACTIVE`): per-CPU lists keep little from then on.
    pub fn set_reclaim_active(&mut self, zone: ZoneId) {
        self.zones[usize::from(zone.0)].reclaim_active = true;
    }

    /// kswapd has finished with a zone: the boost of its marks is gone.
    pub fn kswapd_done(&mut self, zone: ZoneId) {
        let zone = &mut self.zones[usize::from(zone.0)];
        zone.boost = 0;
        zone.counters.boosted = false;
        zone.reclaim_active = false;
        zone.note_reserve();
    }

    /// Frees a block: `__free_pages`.
    ///
    /// # Errors
    /// When the frame is not the start of a block allocated with this order, or others still use it; nothing has
    /// changed then.
    #[expect(clippy::inline_always, reason = "a call would cost a fifth of what it does")]
    #[inline(always)]
    pub fn free_pages(&mut self, pfn: Pfn, order: Order, cpu: Cpu) -> Result<(), Misuse> {
        if self.free_fast(pfn, order, cpu) { Ok(()) } else { self.free_checked(pfn, order, cpu) }
    }

    #[inline(never)]
    fn free_checked(&mut self, pfn: Pfn, order: Order, cpu: Cpu) -> Result<(), Misuse> {
        let Some(i) = self.map.find(pfn.0) else { return Err(Misuse::NotAFrame(pfn)) };
        let tag = self.map.tag(i);
        // Most owners leave no notes, which then need not be fetched.
        if !tag.is_plain_allocation_of(order.0) {
            if !tag.is_allocated_of(order.0) || self.map.flags(i) & OWNED != 0 || self.is_still_used(i) {
                return Err(self.misuse_of_free(pfn, order));
            }
            self.map.drop_notes(i);
        }
        self.free_block(usize::from(tag.zone()), i, order.0, cpu);
        Ok(())
    }

    /// Puts a block that is no longer allocated on a per-CPU list or back into the buddy system.
    pub(crate) fn free_block(&mut self, z: usize, i: u32, order: u8, cpu: Cpu) {
        let rules = &self.config.rules;
        let zone = &mut self.zones[z];
        zone.counters.freed += 1 << order;
        self.counters.frees += 1;
        let block_type = zone.pageblock_type(self.map.pfn(i));
        if pcp::allows(rules, order) && block_type != Migratetype::Isolate {
            let cpu = usize::from(cpu.0) % zone.pcp.len();
            pcp::free_to_pcp(rules, &mut self.map, zone, cpu, i, order, block_type);
        } else {
            zone.counters.lock_taken += 1;
            buddy::free_by_pageblock(rules, &mut self.map, zone, i, order);
        }
    }

    /// Returns every per-CPU page to the buddy lists: `drain_all_pages`.
    pub fn drain_all(&mut self) {
        for z in 0..self.zones.len() {
            for cpu in 0..self.zones[z].pcp.len() {
                let count = self.zones[z].pcp[cpu].count;
                if count > 0 {
                    pcp::drain(&self.config.rules, &mut self.map, &mut self.zones[z], cpu, count, 0);
                }
            }
        }
    }

    /// What the vmstat worker does about once a second: lets per-CPU limits decay (6.7+).
    pub fn vmstat_tick(&mut self) {
        if self.config.rules.pcp != crate::PcpRule::AutoHigh {
            return;
        }
        for zone in &mut self.zones {
            for cpu in 0..zone.pcp.len() {
                let surplus = zone.pcp[cpu].decay();
                if surplus > 0 {
                    pcp::drain(&self.config.rules, &mut self.map, zone, cpu, surplus, 0);
                }
            }
        }
    }
}

/// Flag bits of frames whose owner has a free function of its own.
const OWNED: u16 = crate::page::PageFlags::SLAB.bits() | crate::page::PageFlags::VMALLOC.bits();

/// The mark check of `get_page_from_freelist` for one zone.
#[inline]
fn may_take_from(rules: &Rules, zone: &mut Zone, request: &Request) -> bool {
    let Request { order, highest, alloc, .. } = *request;
    if rules.pcp == crate::PcpRule::AutoHigh && !zone.below_high {
        // 6.7+: the high mark is looked at too, so that per-CPU lists stop growing before memory is scarce.
        if watermark_fast(rules, zone, order, zone.marks.high + zone.boost, highest, alloc) {
            return true;
        }
        zone.below_high = true;
    }
    let mark = zone.marks.get(alloc.mark());
    if watermark_fast(rules, zone, order, mark + zone.boost, highest, alloc) {
        return true;
    }
    // The boost is for kswapd; those who may use the reserve need not heed it.
    order == 0
        && zone.boost > 0
        && alloc.mark() == 0
        && alloc.has(AllocFlags::MIN_RESERVE)
        && watermark_ok(rules, zone, 0, zone.marks.min, highest, alloc, zone.nr_free)
}

/// `rmqueue`: per-CPU list or buddy lists, then the block is the caller's.
#[inline]
fn take(rules: &Rules, map: &mut MemMap, zone: &mut Zone, request: &Request) -> Option<u32> {
    let i = if pcp::allows(rules, request.order) {
        pcp::rmqueue_pcplist(rules, map, zone, usize::from(request.cpu), request)
    } else {
        None
    };
    let i = match i {
        Some(i) => i,
        None => rmqueue_buddy(rules, map, zone, request)?,
    };
    map.hand_out(i, Tag::new(BlockState::Allocated, request.order, request.migratetype, zone.id));
    zone.counters.allocated += 1 << request.order;
    if request.alloc.has(AllocFlags::HIGHATOMIC) && request.order > 0 {
        crate::highatomic::reserve(rules, map, zone, map.pfn(i));
    }
    Some(i)
}

/// `rmqueue_buddy`.
fn rmqueue_buddy(rules: &Rules, map: &mut MemMap, zone: &mut Zone, request: &Request) -> Option<u32> {
    zone.counters.lock_taken += 1;
    if request.alloc.has(AllocFlags::HIGHATOMIC)
        && let Some(i) = buddy::rmqueue_smallest(map, zone, request.order, Migratetype::HighAtomic)
    {
        return Some(i);
    }
    let mut mode = Mode::Normal;
    if let Some(i) = rmqueue(rules, map, zone, request, &mut mode) {
        return Some(i);
    }
    if rules.highatomic && request.alloc.has(AllocFlags::OOM.with(AllocFlags::NON_BLOCK)) {
        // Better to raid the reserve than to fail someone who cannot wait.
        return buddy::rmqueue_smallest(map, zone, request.order, Migratetype::HighAtomic);
    }
    None
}
