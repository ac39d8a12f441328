//! The model's state in the layout of the kernel's own files, so that the same parsers read both.

use alloc::{format, string::String};
use core::fmt::Write;

use crate::{MIGRATE_TYPES, Migratetype, NR_ORDERS, PageAllocator, PcpRule, SlabAllocator, ZoneType, zone::Zone};

/// `/proc/pagetypeinfo` stops counting a list here.
const PAGETYPEINFO_CAP: u64 = 100_000;

/// Migratetypes the kernel of the model shows: CMA only where a pageblock has that type.
fn shown_types(mm: &PageAllocator) -> impl Iterator<Item = Migratetype> + Clone + '_ {
    let cma = mm.zones.iter().any(|z| z.pageblocks.contains(&(Migratetype::Cma as u8)));
    Migratetype::ALL.into_iter().filter(move |mt| cma || *mt != Migratetype::Cma)
}

impl PageAllocator {
    /// `/proc/buddyinfo`.
    pub fn buddyinfo(&self) -> String {
        let mut out = String::new();
        for zone in &self.zones {
            // Writing to a String cannot fail, here and below.
            let _ = write!(out, "Node {}, zone {:>8} ", zone.node.0, zone.kind.name());
            for area in &zone.free_area {
                let _ = write!(out, "{:>6} ", area.nr_free);
            }
            out.push('\n');
        }
        out
    }

    /// `/proc/pagetypeinfo`.
    pub fn pagetypeinfo(&self) -> String {
        let order = self.config.rules.pageblock_order;
        let mut out = format!("Page block order: {order}\nPages per block:  {}\n\n", 1u64 << order);
        let _ = write!(out, "{:<43} ", "Free pages count per migrate type at order");
        for order in 0..NR_ORDERS {
            let _ = write!(out, "{order:>6} ");
        }
        out.push('\n');
        for zone in &self.zones {
            for mt in shown_types(self) {
                let _ = write!(out, "Node {:>4}, zone {:>8}, type {:>12} ", zone.node.0, zone.kind.name(), mt.name());
                for area in &zone.free_area {
                    let n = u64::from(area.lists[mt.index()].len());
                    let _ = write!(out, "{}{:>6} ", if n >= PAGETYPEINFO_CAP { ">" } else { "" }, n.min(PAGETYPEINFO_CAP));
                }
                out.push('\n');
            }
        }
        let _ = write!(out, "\n{:<23}", "Number of blocks type ");
        for mt in shown_types(self) {
            let _ = write!(out, "{:>12} ", mt.name());
        }
        out.push('\n');
        for zone in &self.zones {
            let mut count = [0u64; MIGRATE_TYPES];
            for mt in &zone.pageblocks {
                count[usize::from(*mt)] += 1;
            }
            let _ = write!(out, "Node {}, zone {:>8} ", zone.node.0, zone.kind.name());
            for mt in shown_types(self) {
                let _ = write!(out, "{:>12} ", count[mt.index()]);
            }
            out.push('\n');
        }
        out
    }

    /// `/proc/zoneinfo`: the lines about sizes, marks and per-CPU lists; the counters of other subsystems are left out.
    pub fn zoneinfo(&self) -> String {
        let mut out = String::new();
        for zone in &self.zones {
            let _ = writeln!(out, "Node {}, zone {:>8}", zone.node.0, zone.kind.name());
            self.show_zone(&mut out, zone);
        }
        out
    }

    fn show_zone(&self, out: &mut String, zone: &Zone) {
        let m = &zone.marks;
        let _ = writeln!(out, "  pages free     {}", zone.nr_free);
        let rows = [
            ("boost", zone.boost),
            ("min", m.min),
            ("low", m.low),
            ("high", m.high),
            ("promo", m.promo),
            ("spanned", zone.end - zone.start),
            ("present", zone.present),
            ("managed", zone.managed),
            ("cma", zone.pageblocks_of(Migratetype::Cma) * zone.pageblock_pages()),
        ];
        for (name, value) in rows {
            let _ = writeln!(out, "        {name:<8} {value}");
        }
        out.push_str("        protection: (");
        let configured = ZoneType::ALL.into_iter().filter(|k| self.config.layout.configured.contains(k));
        for (n, kind) in configured.enumerate() {
            let _ = write!(out, "{}{}", if n == 0 { "" } else { ", " }, zone.lowmem_reserve[kind.index()]);
        }
        out.push_str(")\n");
        let _ = writeln!(out, "      {:<12} {}", "nr_free_pages", zone.nr_free);
        out.push_str("  pagesets\n");
        for (cpu, pcp) in zone.pcp.iter().enumerate() {
            let high = if self.config.rules.pcp == PcpRule::AutoHigh { pcp.high } else { pcp.sizes.high_min };
            let _ = writeln!(out, "    cpu: {cpu}");
            let _ = writeln!(out, "              count:    {}", pcp.count);
            let _ = writeln!(out, "              high:     {high}");
            let _ = writeln!(out, "              batch:    {}", pcp.sizes.batch);
            if self.config.rules.pcp == PcpRule::AutoHigh {
                let _ = writeln!(out, "              high_min: {}", pcp.sizes.high_min);
                let _ = writeln!(out, "              high_max: {}", pcp.sizes.high_max);
            }
        }
        let _ = writeln!(out, "  start_pfn:           {}", zone.start);
    }
}

impl SlabAllocator {
    /// `/proc/slabinfo`, newest cache first.
    pub fn slabinfo(&self) -> String {
        let mut out = String::from("slabinfo - version: 2.1\n");
        out.push_str("# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>");
        out.push_str(" : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>\n");
        let caches: alloc::vec::Vec<_> = self.caches().collect();
        for cache in caches.into_iter().rev() {
            let s = self.cache_stats(cache);
            let _ = writeln!(
                out,
                "{:<17} {:>6} {:>6} {:>6} {:>4} {:>4} : tunables {:>4} {:>4} {:>4} : slabdata {:>6} {:>6} {:>6}",
                s.names[0],
                s.active_objects,
                s.objects,
                s.sizes.size,
                s.sizes.objects,
                1u32 << s.sizes.order,
                0,
                0,
                0,
                s.slabs,
                s.slabs,
                0
            );
        }
        out
    }
}
