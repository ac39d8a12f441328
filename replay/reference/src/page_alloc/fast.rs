//! The two paths nearly every order-0 request takes, without the questions that need not be asked there: a page from this CPU's list while
//! its zone has plenty, and a page back onto the list while the list has room. They do exactly what the general paths would.

use super::{Config, PageAllocator};
use crate::{
    Cpu, Gfp, NodeId, PcpRule, Pfn,
    gfp::{gfp_migratetype, gfp_zone},
    mem_map::{BlockState, Tag},
    migratetype::{Migratetype, PCP_TYPES},
    zonelist::NO_ZONE,
};

/// What the low five bits of a mask, zone and mobility, mean: highest zone and migratetype.
pub(super) struct Masks {
    by_bits: [Option<(u8, Migratetype)>; 32],
}

impl Masks {
    pub(super) fn new(config: &Config) -> Self {
        let usable = config.rules.per_cpu_lists && config.gfp.is_current();
        let grouping = config.rules.mobility_grouping;
        let decode = |bits: usize| {
            let flags = config.gfp.flags(Gfp(bits as u32));
            let mt = gfp_migratetype(flags)?;
            let highest = gfp_zone(flags).ok()?;
            usable.then_some((highest as u8, if grouping { mt } else { Migratetype::Unmovable }))
        };
        Self { by_bits: core::array::from_fn(decode) }
    }
}

impl PageAllocator {
    /// Pops this CPU's list, if the preferred zone is above its high mark by any way of counting.
    #[inline]
    pub(super) fn alloc_fast(&mut self, gfp: Gfp, cpu: Cpu, node: NodeId) -> Option<Pfn> {
        let (highest, mt) = self.fast.by_bits[(gfp.0 & 0x1f) as usize]?;
        let z = self.zonelists.first(node.0, usize::from(highest));
        if z == NO_ZONE {
            return None;
        }
        let zone = self.zones.get_mut(usize::from(z))?;
        let reserve = zone.lowmem_reserve[usize::from(highest)] + zone.nr_free_cma + zone.nr_free_highatomic + zone.nr_reserved_highatomic;
        if zone.nr_free <= zone.marks.high + zone.boost + reserve || zone.counters.boosted {
            return None;
        }
        let pcp = zone.pcp.get_mut(usize::from(cpu.0))?;
        let i = pcp.lists[mt.index()].pop_head(&mut self.map)?;
        pcp.count -= 1;
        pcp.hits += 1;
        pcp.note_alloc(self.config.rules.pcp);
        self.map.hand_out(i, Tag::new(BlockState::Allocated, 0, mt, z));
        zone.nr_allocated += 1;
        zone.counters.allocated += 1;
        self.counters.allocs += 1;
        Some(Pfn(self.map.pfn(i)))
    }

    /// Pushes an allocated page on this CPU's list, if the list stays below its limit.
    #[inline]
    pub(super) fn free_fast(&mut self, z: usize, i: u32, pfn: u64, cpu: Cpu) -> bool {
        let rules = &self.config.rules;
        let zone = &mut self.zones[z];
        let mt = zone.pageblock_type(pfn);
        if mt.index() >= PCP_TYPES || !rules.per_cpu_lists || zone.reclaim_active || zone.below_high {
            return false;
        }
        let Some(pcp) = zone.pcp.get_mut(usize::from(cpu.0)) else { return false };
        if !pcp.note_free_if_room(rules.pcp) {
            return false;
        }
        self.map.take_back(i, Tag::new(BlockState::Pcp, 0, mt, z as u8));
        pcp.lists[mt.index()].push_head(&mut self.map, i);
        zone.nr_allocated -= 1;
        zone.counters.freed += 1;
        self.counters.frees += 1;
        true
    }
}

impl crate::pcp::PerCpuPages {
    #[inline]
    fn note_alloc(&mut self, rule: PcpRule) {
        match rule {
            PcpRule::Textbook => {}
            PcpRule::FixedHigh => self.free_factor >>= 1,
            PcpRule::AutoHigh => self.free_count >>= 1,
        }
    }

    /// Counts one page more, unless a batch would have to be given back.
    #[inline]
    fn note_free_if_room(&mut self, rule: PcpRule) -> bool {
        let limit = match rule {
            PcpRule::Textbook | PcpRule::FixedHigh => self.sizes.high_min,
            PcpRule::AutoHigh => self.high,
        };
        if self.count + 1 >= limit {
            return false;
        }
        self.count += 1;
        if rule == PcpRule::AutoHigh {
            self.note_order_0_free();
        }
        true
    }
}
