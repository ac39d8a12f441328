//! The check of every invariant of the page allocator.

use alloc::vec::Vec;

use super::allocator::PageAllocator;
use crate::{
    Migratetype, PcpRule,
    buddy::highatomic::cap,
    error::{Violation, ensure},
    gfp::alloc_flags::AllocFlags,
    machine::{MAX_ORDER, NR_ORDERS},
    page::{
        MIGRATE_TYPES,
        tag::{BlockState, Tag},
    },
    pcp,
    zone::{mmzone::Zone, watermark_ok::watermark_ok},
};

/// The numbers of pages and blocks that a walk over a zone's frames finds.
#[derive(Default)]
struct Walk {
    free: u64,
    isolated: u64,
    cma: u64,
    highatomic: u64,
    pcp: u64,
    allocated: u64,
    heads: [[u64; MIGRATE_TYPES]; NR_ORDERS],
}

impl PageAllocator {
    /// Checks every invariant, which takes a walk over all frames.
    ///
    /// # Errors
    /// With the first violation found. It means a bug in this crate, never in its caller.
    pub fn validate(&self) -> Result<(), Violation> {
        for zone in &self.zones {
            let walk = self.walk(zone)?;
            Self::check_counts(zone, &walk)?;
            self.check_lists(zone, &walk)?;
            self.check_pcp(zone)?;
            self.check_marks(zone)?;
        }
        self.check_watermark_monotone()
    }

    /// Checks that blocks are aligned, disjoint and inside their zone, and that no two free buddies of one order are
    /// unmerged.
    fn walk(&self, zone: &Zone) -> Result<Walk, Violation> {
        let mut walk = Walk::default();
        let mut at = zone.start;
        while at < zone.end {
            let tag = self.map.tag(self.map.index(at));
            ensure!(
                self.map.notes_agree(self.map.index(at)),
                "frame {at:#x} has notes its tag does not know of, or the reverse"
            );
            if tag.is_none() {
                at += 1;
                continue;
            }
            let (order, mt) = (tag.order(), tag.migratetype());
            let pages = 1u64 << order;
            ensure!(order <= MAX_ORDER, "block {at:#x}: order {order}");
            ensure!(at & (pages - 1) == 0, "block {at:#x} is not aligned to order {order}");
            ensure!(at + pages <= zone.end, "block {at:#x} of order {order} leaves zone {}", zone.kind.name());
            ensure!(tag.zone() == zone.id, "block {at:#x} carries zone {}", tag.zone());
            let inner = (at + 1..at + pages).find(|p| !self.map.tag(self.map.index(*p)).is_none());
            ensure!(inner.is_none(), "block {at:#x} of order {order} overlaps the block at {:#x}", inner.unwrap_or(0));
            match tag.state() {
                BlockState::Buddy => {
                    self.check_free_block(zone, at, tag)?;
                    walk.heads[usize::from(order)][mt.index()] += 1;
                    match mt {
                        Migratetype::Isolate => walk.isolated += pages,
                        Migratetype::Cma => walk.cma += pages,
                        Migratetype::HighAtomic => walk.highatomic += pages,
                        _ => {}
                    }
                    walk.free += if mt == Migratetype::Isolate { 0 } else { pages };
                }
                BlockState::Pcp => walk.pcp += pages,
                BlockState::Allocated => walk.allocated += pages,
                BlockState::None => {}
            }
            at += pages;
        }
        Ok(walk)
    }

    fn check_free_block(&self, zone: &Zone, at: u64, tag: Tag) -> Result<(), Violation> {
        let (order, mt) = (tag.order(), tag.migratetype());
        let buddy = at ^ 1 << order;
        if order < MAX_ORDER
            && zone.spans(buddy)
            && let theirs = self.map.tag(self.map.index(buddy))
            && theirs.is_buddy_of(order, zone.id)
        {
            // The type of the block that was freed last was compared with that of the other's pageblock. Until 6.9 this
            // type may differ from that of the list.
            let differ = |listed: Migratetype, block: Migratetype| {
                listed != block && !(listed.is_mergeable() && block.is_mergeable())
            };
            let apart = differ(mt, zone.pageblock_type(buddy)) || differ(theirs.migratetype(), zone.pageblock_type(at));
            let once_apart = zone.unreserved.range(at.min(buddy)..at.max(buddy) + (1 << order)).next().is_some();
            ensure!(
                order >= zone.pageblock_order && (apart || once_apart),
                "buddies {at:#x} and {buddy:#x} are both free at order {order}"
            );
        }
        if self.config.rules.keeps_lists_pure() {
            for k in 0..1u64 << order.saturating_sub(zone.pageblock_order) {
                let block = zone.pageblock_type(at + (k << zone.pageblock_order));
                ensure!(
                    block == mt,
                    "free block {at:#x} is listed as {} in a pageblock of {}",
                    mt.name(),
                    block.name()
                );
            }
        }
        Ok(())
    }

    fn check_counts(zone: &Zone, walk: &Walk) -> Result<(), Violation> {
        let name = zone.kind.name();
        ensure!(walk.free == zone.nr_free, "{name}: {} free pages, counted as {}", walk.free, zone.nr_free);
        ensure!(
            walk.isolated == zone.nr_free_isolated,
            "{name}: {} isolated free pages, counted {}",
            walk.isolated,
            zone.nr_free_isolated
        );
        ensure!(walk.cma == zone.nr_free_cma, "{name}: {} free CMA pages, counted {}", walk.cma, zone.nr_free_cma);
        ensure!(
            walk.highatomic == zone.nr_free_highatomic,
            "{name}: {} high-atomic, counted {}",
            walk.highatomic,
            zone.nr_free_highatomic
        );
        ensure!(
            walk.allocated == zone.nr_allocated(),
            "{name}: {} allocated pages, counted {}",
            walk.allocated,
            zone.nr_allocated()
        );
        ensure!(
            walk.pcp == zone.pcp_pages(),
            "{name}: {} pages on per-CPU lists, counted {}",
            walk.pcp,
            zone.pcp_pages()
        );
        let known = walk.free + walk.isolated + walk.pcp + walk.allocated;
        ensure!(known <= zone.end - zone.start, "{name}: {known} pages in {} frames", zone.end - zone.start);
        Ok(())
    }

    fn check_lists(&self, zone: &Zone, walk: &Walk) -> Result<(), Violation> {
        for order in 0..=MAX_ORDER {
            let area = &zone.free_area[usize::from(order)];
            for mt in Migratetype::ALL {
                let list = &area.lists[mt.index()];
                let mut len = 0;
                // Each entry that the list does not treat as stale is a block of this order and type, so comparing
                // their number is enough.
                let tag = Tag::new(BlockState::Buddy, order, mt, zone.id);
                let mut first = None;
                for i in list.iter(&self.map, tag) {
                    first = first.or(Some(i));
                    len += 1;
                }
                ensure!(
                    list.first() == first,
                    "the list of order {order}, {} begins with a block that left",
                    mt.name()
                );
                let heads = walk.heads[usize::from(order)][mt.index()];
                let name = mt.name();
                ensure!(len == list.len(), "list of order {order}, {name} has {len} blocks, counted {}", list.len());
                ensure!(u64::from(len) == heads, "list of order {order}, {name} has {len} blocks, the zone {heads}");
                let found = zone.smallest_order(order, mt) == Some(order);
                ensure!(found == (len > 0), "the summary of order {order}, {name} is wrong");
            }
        }
        Ok(())
    }

    fn check_pcp(&self, zone: &Zone) -> Result<(), Violation> {
        for (cpu, lists) in zone.pcp.iter().enumerate() {
            let mut count = 0;
            for (index, order, mt) in pcp::list_contents(&self.config.rules) {
                let list = &lists.lists[index];
                for i in list.iter() {
                    let tag = self.map.tag(i);
                    let right = tag.state() == BlockState::Pcp
                        && tag.order() == order
                        && mt.is_none_or(|m| m == tag.migratetype());
                    ensure!(right, "frame {:#x} is on list {index} of CPU {cpu}", self.map.pfn(i));
                }
                count += (list.len() as u32) << order;
            }
            ensure!(count == lists.count, "CPU {cpu} of {}: {count} pages, counted {}", zone.kind.name(), lists.count);
            let sizes = lists.sizes;
            ensure!(
                sizes.high_min <= sizes.high_max || self.config.rules.pcp != PcpRule::AutoHigh,
                "CPU {cpu}: {sizes:?}"
            );
            if self.config.rules.pcp == PcpRule::AutoHigh && self.config.rules.per_cpu_lists {
                let in_range = lists.high == 0 || (sizes.high_min..=sizes.high_max).contains(&lists.high);
                ensure!(in_range, "CPU {cpu}: high {} outside {sizes:?}", lists.high);
            }
        }
        Ok(())
    }

    fn check_marks(&self, zone: &Zone) -> Result<(), Violation> {
        let m = &zone.marks;
        let name = zone.kind.name();
        ensure!(m.min <= m.low && m.low <= m.high && m.high <= m.promo, "{name}: marks {m:?}");
        let max_boost = (m.high * zone.counters.boost_factor / 10_000).max(zone.pageblock_pages());
        ensure!(zone.boost <= max_boost, "{name}: boost {} above {max_boost}", zone.boost);
        ensure!(zone.reserve_is_noted(), "{name}: what is kept for others has changed without a note");
        let above: Vec<u64> = zone.lowmem_reserve.iter().copied().skip(zone.kind.index()).collect();
        ensure!(above.is_sorted(), "{name}: lowmem_reserve {:?} is not increasing", zone.lowmem_reserve);
        let reserved = zone.nr_reserved_highatomic;
        ensure!(
            reserved.is_multiple_of(zone.pageblock_pages()),
            "{name}: {reserved} high-atomic pages are no whole pageblocks"
        );
        let most = cap(&self.config.rules, zone) + zone.pageblock_pages();
        ensure!(reserved <= most, "{name}: {reserved} high-atomic pages, at most {most}");
        Ok(())
    }

    /// Checks that lowering the mark or the order never makes a check fail that passed before.
    fn check_watermark_monotone(&self) -> Result<(), Violation> {
        for zone in &self.zones {
            let m = zone.marks;
            for alloc in
                [AllocFlags::WMARK_MIN, AllocFlags::MIN_RESERVE, AllocFlags::MIN_RESERVE.with(AllocFlags::NON_BLOCK)]
            {
                let ok =
                    |order, mark| watermark_ok(&self.config.rules, zone, order, mark, zone.kind, alloc, zone.nr_free);
                for order in 0..=MAX_ORDER {
                    let by_mark = [ok(order, m.high), ok(order, m.low), ok(order, m.min)];
                    ensure!(by_mark.is_sorted(), "{}: order {order} passes high but not low", zone.kind.name());
                    ensure!(
                        order == 0 || !ok(order, m.min) || ok(order - 1, m.min),
                        "{}: order {order} passes, less not",
                        zone.kind.name()
                    );
                }
            }
        }
        Ok(())
    }
}
