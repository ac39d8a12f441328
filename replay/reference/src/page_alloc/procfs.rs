//! The allocator's state in the layout of the kernel's own files, so that the same parsers read both.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt::Write;

use super::{allocator::PageAllocator, config::Config};
use crate::{
    Generation, Watermarks, ZONE_TYPES, ZoneType,
    machine::{NR_ORDERS, PAGE_SHIFT},
    page::{MIGRATE_TYPES, Migratetype},
    zone::{
        mmzone::Zone,
        watermark::{HIGH_ZONE_LEAST, is_high},
    },
};

/// The number of blocks at which `/proc/pagetypeinfo` stops counting a list.
const PAGETYPEINFO_CAP: u64 = 100_000;

/// Returns the migratetypes that the model's kernel shows: CMA only if a pageblock has that type.
fn shown_types(mm: &PageAllocator) -> impl Iterator<Item = Migratetype> + Clone + '_ {
    let cma = mm.zones.iter().any(|z| z.pageblocks.contains(&Migratetype::Cma));
    Migratetype::ALL.into_iter().filter(move |mt| cma || *mt != Migratetype::Cma)
}

impl PageAllocator {
    /// Returns the text of `/proc/buddyinfo`.
    pub fn buddyinfo(&self) -> String {
        let mut out = String::new();
        for zone in &self.zones {
            // Writing to a String cannot fail, here and below.
            let _ = write!(out, "Node {}, zone {:>8} ", zone.node.0, zone.kind.name());
            for area in &zone.free_area {
                let _ = write!(out, "{:>6} ", area.nr_free());
            }
            out.push('\n');
        }
        out
    }

    /// Returns the text of `/proc/pagetypeinfo`.
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
                    let _ =
                        write!(out, "{}{:>6} ", if n >= PAGETYPEINFO_CAP { ">" } else { "" }, n.min(PAGETYPEINFO_CAP));
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
                count[mt.index()] += 1;
            }
            let _ = write!(out, "Node {}, zone {:>8} ", zone.node.0, zone.kind.name());
            for mt in shown_types(self) {
                let _ = write!(out, "{:>12} ", count[mt.index()]);
            }
            out.push('\n');
        }
        out
    }

    /// Returns the text of `/proc/zoneinfo`: the lines about sizes, marks and per-CPU lists, without the counters of
    /// other subsystems.
    pub fn zoneinfo(&self) -> String {
        let mut out = String::new();
        for node in 0..self.config.layout.nodes() {
            for kind in self.configured() {
                let _ = writeln!(out, "Node {node}, zone {:>8}", kind.name());
                match self.zones.iter().find(|zone| usize::from(zone.node.0) == node && zone.kind == kind) {
                    Some(zone) => self.show_zone(&mut out, zone),
                    None => self.show_sizes(&mut out, &Sizes::unpopulated(&self.config, kind)),
                }
            }
        }
        out
    }

    /// Returns the zone types that the kernel is configured with, which are the columns of `protection`.
    fn configured(&self) -> impl Iterator<Item = ZoneType> {
        ZoneType::ALL.into_iter().filter(|kind| self.config.layout.configured.contains(kind))
    }

    /// Writes the lines that every zone has, populated or not.
    fn show_sizes(&self, out: &mut String, sizes: &Sizes) {
        let Sizes { free, boost, marks, spanned, present, managed, cma, protection } = sizes;
        let _ = writeln!(out, "  pages free     {free}");
        let mut row = |name, value| {
            let _ = writeln!(out, "        {name:<8} {value}");
        };
        row("boost", *boost);
        row("min", marks.min + boost);
        row("low", marks.low + boost);
        row("high", marks.high + boost);
        if !matches!(self.config.generation, Generation::Textbook | Generation::V6_1) {
            row("promo", marks.promo + boost);
        }
        row("spanned", *spanned);
        row("present", *present);
        row("managed", *managed);
        row("cma", *cma);
        let protection: Vec<String> = self.configured().map(|kind| protection[kind.index()].to_string()).collect();
        let _ = writeln!(out, "        protection: ({})", protection.join(", "));
    }

    fn show_zone(&self, out: &mut String, zone: &Zone) {
        self.show_sizes(out, &Sizes::of(zone));
        let _ = writeln!(out, "      {:<12} {}", "nr_free_pages", zone.nr_free);
        let newest = self.config.generation == Generation::V6_18;
        if newest {
            let in_blocks = |order: usize| zone.free_area[order].nr_free() << order;
            let blocks: u64 = (usize::from(zone.pageblock_order)..NR_ORDERS).map(in_blocks).sum();
            let _ = writeln!(out, "      {:<12} {blocks}", "nr_free_pages_blocks");
        }
        out.push_str("  pagesets\n");
        // Between 6.12 and 6.18 the columns became wider, and the two bounds were added.
        let width = if newest { 10 } else { 7 };
        for (cpu, pcp) in zone.pcp.iter().enumerate() {
            let _ = writeln!(out, "    cpu: {cpu}");
            let mut row = |name, value| {
                let _ = writeln!(out, "              {name:<width$}{value}");
            };
            // `count:` fills its column in both layouts; that of the old layout is one blank narrower.
            row(if newest { "count:" } else { "count: " }, pcp.count);
            row("high:", pcp.high);
            row("batch:", pcp.sizes.batch);
            if newest {
                row("high_min:", pcp.sizes.high_min);
                row("high_max:", pcp.sizes.high_max);
            }
            let _ = writeln!(out, "  vm stats threshold: {}", stat_threshold(zone.managed, self.config.layout.cpus));
        }
        let _ = writeln!(out, "  node_unreclaimable:  0");
        let _ = writeln!(out, "  start_pfn:           {}", zone.start);
    }
}

/// The sizes of a zone that `/proc/zoneinfo` shows, in pages.
struct Sizes {
    free: u64,
    boost: u64,
    marks: Watermarks,
    spanned: u64,
    present: u64,
    managed: u64,
    cma: u64,
    protection: [u64; ZONE_TYPES],
}

impl Sizes {
    fn of(zone: &Zone) -> Self {
        Self {
            free: zone.nr_free,
            boost: zone.boost,
            marks: zone.marks,
            spanned: zone.end - zone.start,
            present: zone.present,
            managed: zone.managed,
            cma: zone.pageblocks_of(Migratetype::Cma) * zone.pageblock_pages(),
            protection: zone.lowmem_reserve,
        }
    }

    /// Returns the sizes of a zone without pages, which has marks only if it is a zone of high memory.
    fn unpopulated(config: &Config, kind: ZoneType) -> Self {
        let mark = if is_high(&config.layout, &config.rules, kind) { HIGH_ZONE_LEAST } else { 0 };
        let marks = Watermarks { min: mark, low: mark, high: mark, promo: mark };
        Self { free: 0, boost: 0, marks, spanned: 0, present: 0, managed: 0, cma: 0, protection: [0; ZONE_TYPES] }
    }
}

/// `calculate_normal_threshold`: returns how far a CPU's counters may drift before they are added to the zone's.
fn stat_threshold(managed: u64, cpus: u16) -> u32 {
    let fls = |n: u64| u64::BITS - n.leading_zeros();
    // This is the memory in units of 128 MiB.
    (2 * fls(u64::from(cpus)) * (1 + fls(managed >> (27 - PAGE_SHIFT)))).min(125)
}
