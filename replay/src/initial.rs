//! The model's initial state: the machine's first snapshot.
//!
//! How many free blocks of each order and type there are is given. Where they are is not, and matters for merging: blocks go where the trace
//! shows free frames ([`Evidence`]), the rest where no event tells otherwise. Every pageblock holds free blocks of one type only.

use reference::{
    Cpu, FrameState, MAX_ORDER, MIGRATE_TYPES, Migratetype, NR_ORDERS, NodeId, Order, PageAllocator, PcpRule, PcpSizes, Pfn, ZONE_TYPES, ZoneId,
    ZoneType,
};

use crate::{
    Machine, Snapshot, ZoneSnapshot,
    evidence::{Evidence, First},
};

/// Free pages of the snapshot for which no place was found.
pub(crate) struct Seeded {
    pub(crate) unplaced: u64,
}

/// An allocator in the state of the snapshot.
pub(crate) fn allocator(machine: &Machine, snapshot: &Snapshot, evidence: &Evidence) -> (PageAllocator, Seeded) {
    let mut mm = PageAllocator::held(machine.config.clone());
    let mut unplaced = 0;
    for z in 0..snapshot.zones.len() {
        let zone = ZoneId(z as u8);
        apply_zoneinfo(&mut mm, machine, zone, &snapshot.zones[z]);
        for cpu in 0..machine.config.layout.cpus {
            if let Some(high) = snapshot.zones[z].item(&format!("pagesets[{cpu}].high")) {
                mm.seed_pcp_high(zone, Cpu(cpu), high as u32);
            }
        }
        unplaced += Placement::new(&mut mm, machine, zone, &snapshot.zones[z], evidence).place();
    }
    withhold(&mut mm, machine.withheld);
    (mm, Seeded { unplaced })
}

/// Takes pages out of the model for good, the largest blocks first.
fn withhold(mm: &mut PageAllocator, pages: u64) {
    let gfp = mm.mask("GFP_HIGHUSER_MOVABLE");
    let mut left = pages;
    for order in (0..=MAX_ORDER).rev().map(Order) {
        while left >= order.pages() && mm.alloc_pages(gfp, order, Cpu(0), NodeId(0)).is_ok() {
            left -= order.pages();
        }
    }
}

/// Takes over what `/proc/zoneinfo` says about sizes and marks.
pub(crate) fn apply_zoneinfo(mm: &mut PageAllocator, machine: &Machine, zone: ZoneId, now: &ZoneSnapshot) {
    if let Some(managed) = now.item("managed").filter(|m| *m != mm.config().layout.zones[usize::from(zone.0)].managed) {
        mm.set_managed(zone, managed);
    }
    if !machine.follows_marks {
        return;
    }
    if let (Some(min), Some(low), Some(high)) = (now.item("min"), now.item("low"), now.item("high")) {
        let promo = now.item("promo").unwrap_or(2 * high - low);
        mm.set_watermarks(zone, reference::Watermarks { min, low, high, promo });
    }
    let mut reserve = [0; ZONE_TYPES];
    let columns = machine.config.layout.configured.iter();
    let found = columns.enumerate().filter_map(|(i, kind)| Some((kind, now.item(&format!("protection[{i}]"))?)));
    let mut any = false;
    for (kind, pages) in found {
        reserve[kind.index()] = pages;
        any = true;
    }
    // A column for a zone type the kernel lacks repeats the one below it.
    for kind in 1..ZONE_TYPES {
        if !machine.config.layout.configured.contains(&ZoneType::ALL[kind]) {
            reserve[kind] = reserve[kind - 1];
        }
    }
    if any {
        mm.set_lowmem_reserve(zone, reserve);
    }
    if let Some(sizes) = pcp_sizes(machine, zone, now) {
        mm.set_pcp_sizes(zone, sizes);
    }
}

/// Sizes of the per-CPU lists. Where the limit moves with the load, its bounds count; kernels before 6.13 or so do not print those, so they
/// follow from the formula.
fn pcp_sizes(machine: &Machine, zone: ZoneId, now: &ZoneSnapshot) -> Option<PcpSizes> {
    let batch = now.item("pagesets[0].batch")? as u32;
    let bounds = (now.item("pagesets[0].high_min"), now.item("pagesets[0].high_max"));
    if let (Some(min), Some(max)) = bounds {
        return Some(PcpSizes { batch, high_min: min as u32, high_max: max as u32 });
    }
    if machine.config.rules.pcp == PcpRule::AutoHigh {
        let managed = now.item("managed").unwrap_or(machine.config.layout.zones[usize::from(zone.0)].managed);
        return Some(reference::pcp_sizes(managed, now.item("low")?, machine.config.layout.cpus));
    }
    let high = now.item("pagesets[0].high")? as u32;
    Some(PcpSizes { batch, high_min: high, high_max: high })
}

/// Puts the free blocks of one zone in place.
struct Placement<'a> {
    mm: &'a mut PageAllocator,
    evidence: &'a Evidence,
    zone: ZoneId,
    start: u64,
    end: u64,
    pageblock_order: u8,
    /// Blocks still to be placed.
    wanted: [[u64; MIGRATE_TYPES]; NR_ORDERS],
    /// Pages still to be put on each CPU's lists.
    pcp: Vec<u64>,
    /// Type of each pageblock, once its first free block is in place.
    types: Vec<Option<Migratetype>>,
    /// Pageblocks still to be given each type.
    blocks_left: [u64; MIGRATE_TYPES],
}

impl<'a> Placement<'a> {
    fn new(mm: &'a mut PageAllocator, machine: &Machine, zone: ZoneId, now: &ZoneSnapshot, evidence: &'a Evidence) -> Self {
        let spec = &machine.config.layout.zones[usize::from(zone.0)];
        let (start, end) = (spec.start_pfn, spec.start_pfn + spec.spanned);
        let pageblock_order = machine.config.rules.pageblock_order;
        let mut wanted = now.by_type;
        for (types, all) in wanted.iter_mut().zip(now.free) {
            // buddyinfo is the truth; pagetypeinfo is read a little later and may be capped. Movable takes the difference.
            let typed: u64 = types.iter().sum();
            let movable = &mut types[Migratetype::Movable.index()];
            *movable = (*movable + all).saturating_sub(typed);
            let mut excess = types.iter().sum::<u64>().saturating_sub(all);
            for count in types.iter_mut() {
                let cut = excess.min(*count);
                *count -= cut;
                excess -= cut;
            }
        }
        let mut blocks_left = now.pageblocks;
        if !machine.config.rules.mobility_grouping {
            // A kernel that does not group has one type for all.
            for types in wanted.iter_mut().chain([&mut blocks_left]) {
                let all = types.iter().sum();
                *types = [0; MIGRATE_TYPES];
                types[Migratetype::Unmovable.index()] = all;
            }
        }
        let cpus = usize::from(machine.config.layout.cpus);
        let pcp = (0..cpus).map(|cpu| now.item(&format!("pagesets[{cpu}].count")).unwrap_or(0)).collect();
        let blocks = (end.div_ceil(1 << pageblock_order) - (start >> pageblock_order)) as usize;
        Self { mm, evidence, zone, start, end, pageblock_order, wanted, pcp, types: vec![None; blocks], blocks_left }
    }

    /// Returns the free pages that found no place.
    fn place(mut self) -> u64 {
        self.place_evident();
        self.place_rest();
        self.type_other_pageblocks();
        self.place_pcp();
        let left = self.wanted.iter().enumerate();
        left.map(|(order, types)| types.iter().sum::<u64>() << order).sum()
    }

    /// The largest block around a free frame that holds no frame known to be in use.
    fn largest_around(&self, pfn: u64) -> u8 {
        let mut order = 0;
        while order < MAX_ORDER {
            let (head, pages) = (pfn >> (order + 1) << (order + 1), 1u64 << (order + 1));
            let other_half = if head == pfn >> order << order { head + pages / 2 } else { head };
            let inside = head >= self.start && head + pages <= self.end;
            if !inside || (other_half..other_half + pages / 2).any(|p| self.evidence.first(p) == First::Held) {
                break;
            }
            order += 1;
        }
        order
    }

    /// Blocks around frames that were free. Frames with little room around them come first: they fit only small blocks.
    fn place_evident(&mut self) {
        let mut by_room: [Vec<(u64, Option<Migratetype>)>; NR_ORDERS] = Default::default();
        let mut pfn = self.start;
        while pfn < self.end {
            let First::Free(mt) = self.evidence.first(pfn) else {
                pfn += 1;
                continue;
            };
            let order = self.largest_around(pfn);
            by_room[usize::from(order)].push((pfn, mt));
            pfn = (pfn >> order << order) + (1 << order);
        }
        for (room, frames) in by_room.iter().enumerate() {
            for (pfn, mt) in frames {
                for order in (0..=room as u8).rev() {
                    let head = pfn >> order << order;
                    if self.mm.is_held(Pfn(head), Order(order)) && self.put(head, order, *mt) {
                        break;
                    }
                }
            }
        }
    }

    /// Places one block of this order if one is still wanted; prefers a type.
    fn put(&mut self, head: u64, order: u8, preferred: Option<Migratetype>) -> bool {
        let Some(mt) = self.choose_type(head, order, preferred) else { return false };
        let buddy = Pfn(head ^ 1 << order);
        if order < MAX_ORDER
            && let FrameState::Free { head: b, order: o, .. } = self.mm.frame(buddy)
            && b == buddy
            && o.0 == order
            && self.mm.zone_of(buddy) == Some(self.zone)
        {
            return false;
        }
        // The blocks' types must be known to the model before a block is put there.
        self.set_types(head, order, mt);
        if self.mm.seed_free_block(Pfn(head), Order(order), mt).is_err() {
            return false;
        }
        self.wanted[usize::from(order)][mt.index()] -= 1;
        true
    }

    fn slot(&self, pfn: u64) -> usize {
        ((pfn >> self.pageblock_order) - (self.start >> self.pageblock_order)) as usize
    }

    fn slots(&self, head: u64, order: u8) -> std::ops::RangeInclusive<usize> {
        self.slot(head)..=self.slot(head + (1 << order) - 1)
    }

    fn choose_type(&self, head: u64, order: u8, preferred: Option<Migratetype>) -> Option<Migratetype> {
        let wanted = &self.wanted[usize::from(order)];
        let has = |mt: &Migratetype| wanted[mt.index()] > 0;
        let mut fixed = self.slots(head, order).filter_map(|s| self.types[s]);
        if let Some(first) = fixed.next() {
            return (has(&first) && fixed.all(|t| t == first)).then_some(first);
        }
        let room = |mt: &Migratetype| has(mt) && self.blocks_left[mt.index()] > 0;
        let by_need = || Migratetype::ALL.into_iter().filter(room).max_by_key(|mt| wanted[mt.index()]);
        preferred.filter(room).or_else(by_need).or_else(|| Migratetype::ALL.into_iter().find(has))
    }

    fn set_types(&mut self, head: u64, order: u8, mt: Migratetype) {
        for slot in self.slots(head, order) {
            if self.types[slot].is_none() {
                self.types[slot] = Some(mt);
                self.blocks_left[mt.index()] = self.blocks_left[mt.index()].saturating_sub(1);
                let pfn = ((self.start >> self.pageblock_order) + slot as u64) << self.pageblock_order;
                // The slot lies in the zone by construction.
                let _ = self.mm.seed_pageblock(Pfn(pfn.max(self.start)), mt);
            }
        }
    }

    /// The remaining blocks, from the zone's end down, where no event says that a frame was in use.
    fn place_rest(&mut self) {
        for order in (0..=MAX_ORDER).rev() {
            let pages = 1u64 << order;
            let mut head = self.end >> order << order;
            while self.wanted[usize::from(order)].iter().any(|n| *n > 0) {
                let Some(next) = head.checked_sub(pages).filter(|h| *h >= self.start) else { break };
                head = next;
                let free = self.mm.is_held(Pfn(head), Order(order));
                if free && (head..head + pages).all(|p| self.evidence.first(p) != First::Held) {
                    self.put(head, order, None);
                }
            }
        }
    }

    /// Pageblocks without free blocks get the types that are left over: unmovable and reclaimable from the zone's start up, where boot put
    /// them, the rest movable.
    fn type_other_pageblocks(&mut self) {
        for slot in 0..self.types.len() {
            if self.types[slot].is_some() {
                continue;
            }
            let left = |mt: &Migratetype| self.blocks_left[mt.index()] > 0;
            let mt = [Migratetype::Unmovable, Migratetype::Reclaimable].into_iter().find(left).unwrap_or(Migratetype::Movable);
            let pfn = ((self.start >> self.pageblock_order) + slot as u64) << self.pageblock_order;
            self.types[slot] = Some(mt);
            self.blocks_left[mt.index()] = self.blocks_left[mt.index()].saturating_sub(1);
            let _ = self.mm.seed_pageblock(Pfn(pfn.max(self.start)), mt);
        }
    }

    fn free_instead(&mut self, pfn: u64) -> Result<(), reference::Misuse> {
        if self.mm.config().rules.per_cpu_lists {
            return Err(reference::Misuse::NotAllocated(Pfn(pfn)));
        }
        self.mm.free_held(Pfn(pfn), Order(0), Cpu(0))
    }

    /// Pages that were on per-CPU lists: frames that were free and are on no buddy list, then frames no event tells anything about.
    fn place_pcp(&mut self) {
        let mut cpu = 0;
        for evident in [true, false] {
            for pfn in self.start..self.end {
                while self.pcp.get(cpu) == Some(&0) {
                    cpu += 1;
                }
                if cpu >= self.pcp.len() {
                    return;
                }
                let mt = match self.evidence.first(pfn) {
                    First::Free(mt) if evident => mt.filter(|mt| mt.is_mergeable()).unwrap_or(Migratetype::Movable),
                    First::Untouched if !evident => Migratetype::Movable,
                    _ => continue,
                };
                // Without per-CPU lists these pages are free like the others.
                let seeded = self.mm.seed_pcp_block(Pfn(pfn), Order(0), mt, Cpu(cpu as u16));
                if seeded.or_else(|_| self.free_instead(pfn)).is_ok() {
                    self.pcp[cpu] -= 1;
                }
            }
        }
    }
}
