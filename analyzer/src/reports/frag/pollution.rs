//! Pageblocks: how many there are of each migratetype, and in how many of them pages that can be moved lie beside pages
//! that cannot.

use std::{collections::BTreeMap, ops::Range};

use trace::{FrameRun, Header, Pageblock, Problem, Trace};

use super::bits::Bits;
use crate::{
    matching::event::{Class, MatchedEvent},
    present::table::{Cell, Table, Unit},
};

/// Pageblocks of one zone and migratetype, as `/proc/pagetypeinfo` counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TypeCount {
    /// index into the header's zones
    pub zone: u8,
    /// index into the header's migratetypes
    pub migratetype: u8,
    /// in the first snapshot
    pub first: u64,
    /// in the last one
    pub last: u64,
}

/// Reads the pageblocks of every zone and migratetype that has any.
pub(super) fn types(trace: &Trace, problems: &mut Vec<Problem>) -> Vec<TypeCount> {
    let mut counts: BTreeMap<(u8, u8), (u64, u64)> = BTreeMap::new();
    for Pageblock { zone, migratetype, count, .. } in trace.all(problems) {
        counts.entry((zone, migratetype)).or_insert((count, count)).1 = count;
    }
    let counts = counts.into_iter().filter(|(_, (first, last))| first + last > 0);
    counts.map(|((zone, migratetype), (first, last))| TypeCount { zone, migratetype, first, last }).collect()
}

/// Returns the table of [`types`].
pub(super) fn types_table(header: &Header, types: &[TypeCount]) -> Table {
    let mut table = Table::new("Pageblocks by zone and migratetype");
    table.column("zone", "Zone", Unit::Text).column("migratetype", "Migratetype", Unit::Text);
    table.column("first", "First", Unit::Count).column("last", "Last", Unit::Count).column(
        "change",
        "Change",
        Unit::Count,
    );
    for TypeCount { zone, migratetype, first, last } in types {
        table.row(vec![
            Cell::Text(header.zone_name(*zone)),
            Cell::Text(header.migratetype_name(*migratetype)),
            Cell::Integer(first.cast_signed()),
            Cell::Integer(last.cast_signed()),
            Cell::Integer(last.cast_signed().wrapping_sub(first.cast_signed())),
        ]);
    }
    table.note("in the first and the last snapshot of /proc/pagetypeinfo");
    table
}

/// What lies in the pageblocks of one zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mixture {
    /// pageblocks with pages that can be moved
    pub movable: u64,
    /// those of them that hold others, too
    pub mixed: u64,
    /// those of them in which fewer pages cannot be moved than can: what compaction could have emptied
    pub polluted: u64,
    /// pages in polluted pageblocks that cannot be moved
    pub polluting_pages: u64,
}

/// How the pageblocks of one zone are mixed, and by how much the trace adds to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pollution {
    /// index into the header's zones
    pub zone: u8,
    /// once the frames' use was read
    pub first: Mixture,
    /// when the trace ends; none if its events cannot tell
    pub last: Option<Mixture>,
    /// allocations of unmovable or reclaimable pages in pageblocks that held more movable ones
    pub allocs: u64,
    /// how often these were the first such pages of a pageblock
    pub newly_mixed: u64,
}

/// Returns the table of all zones.
pub(super) fn table(header: &Header, pollution: &[Pollution]) -> Table {
    let mut table = Table::new("Pollution of movable pageblocks");
    table.column("zone", "Zone", Unit::Text);
    table.column("movable_first", "Movable, first", Unit::Count).column("movable", "last", Unit::Count);
    table.column("mixed_first", "Mixed, first", Unit::Count).column("mixed", "last", Unit::Count);
    table.column("polluted_first", "Polluted, first", Unit::Count).column("polluted", "last", Unit::Count);
    table.column("polluting_pages_first", "by pages, first", Unit::Count).column(
        "polluting_pages",
        "last",
        Unit::Count,
    );
    table.column("allocs", "by allocations", Unit::Count).column("newly_mixed", "newly", Unit::Count);
    let count = |count: u64| Cell::Integer(count.cast_signed());
    for Pollution { zone, first, last, allocs, newly_mixed } in pollution {
        let both =
            |of: fn(&Mixture) -> u64| [count(of(first)), last.as_ref().map_or(Cell::None, |last| count(of(last)))];
        let numbers =
            [both(|mix| mix.movable), both(|mix| mix.mixed), both(|mix| mix.polluted), both(|mix| mix.polluting_pages)];
        let events = if last.is_some() { [count(*allocs), count(*newly_mixed)] } else { [Cell::None, Cell::None] };
        table.row(
            std::iter::once(Cell::Text(header.zone_name(*zone)))
                .chain(numbers.into_iter().flatten())
                .chain(events)
                .collect(),
        );
    }
    table.note("movable: pageblocks with anon or file pages of /proc/kpageflags, or pages allocated as movable since; mixed: those of them that also hold slabs, page tables, reserved pages, or pages allocated as unmovable or reclaimable since");
    table.note("polluted: mixed, but more of these pages are movable, so that a few others keep the pageblock from being emptied: by so many pages; allocations into such pageblocks since, newly where they held no such page before");
    table.note("not known: what kpageflags tells nothing about (pcp lists, kernel stacks, vmalloc: counted as neither) and where migration has put pages since (it has no event)");
    table
}

/// Whether the pages in a frame can be moved.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mobility {
    Movable,
    Fixed,
}

impl Mobility {
    /// Judges by a class of `frame_run`, which is that of /proc/kpageflags.
    fn of_class(class: &str) -> Option<Self> {
        match class {
            "anon" | "file" => Some(Self::Movable),
            "slab" | "page_table" | "reserved" => Some(Self::Fixed),
            _ => None,
        }
    }

    /// Judges by the migratetype that was asked for.
    fn of_migratetype(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "movable" => Some(Self::Movable),
            "unmovable" | "reclaimable" | "highatomic" => Some(Self::Fixed),
            _ => None,
        }
    }
}

/// Follows what each frame is used for, in one pass over the page events in time order.
pub(super) struct PollutionTracker<'a> {
    header: &'a Header,
    /// when reading the frames began, and ended: all events of that time are applied again, and the last one decides
    read: Range<u64>,
    /// whether the events are all there
    follows: bool,
    /// what is asked for, by migratetype
    mobility: Vec<Option<Mobility>>,
    zones: Vec<Option<Blocks>>,
    found: Vec<Pollution>,
    started: bool,
}

impl<'a> PollutionTracker<'a> {
    /// Starts without frames. `read` is when their use was read.
    pub fn new(header: &'a Header, follows: bool, read: Range<u64>) -> Self {
        let blocks = |zone: &trace::Zone| {
            let frames = zone.start_pfn..zone.start_pfn.saturating_add(zone.spanned);
            (!frames.is_empty()).then(|| Blocks::new(frames, header.pageblock_order.min(32)))
        };
        let found = (0..header.zones.len() as u8).map(|zone| Pollution { zone, ..Pollution::default() }).collect();
        let mobility = header.migratetypes.iter().map(|name| Mobility::of_migratetype(name)).collect();
        Self {
            header,
            read,
            follows,
            mobility,
            zones: header.zones.iter().map(blocks).collect(),
            found,
            started: false,
        }
    }

    /// Enters frames as they were at the start.
    pub fn frames(&mut self, run: &FrameRun) {
        let Some(mobility) = Mobility::of_class(&run.class) else { return };
        let frames = run.pfn..run.pfn.saturating_add(run.pages);
        self.zones.iter_mut().flatten().for_each(|zone| zone.mark(&frames, Some(mobility)));
    }

    /// Takes in a page event.
    pub fn page(&mut self, event: &MatchedEvent<'_>) {
        if !self.follows || event.time < self.read.start {
            return;
        }
        self.start(event.time);
        let (Ok(zone), Some(pages)) = (usize::try_from(event.zone), event.bytes.checked_div(self.header.page_size))
        else {
            return;
        };
        let Some(blocks) = self.zones.get_mut(zone).and_then(Option::as_mut) else { return };
        let frames = event.address..event.address.saturating_add(pages);
        match event.class {
            Class::Allocated => {
                let mobility =
                    usize::try_from(event.migratetype).ok().and_then(|migratetype| *self.mobility.get(migratetype)?);
                if mobility == Some(Mobility::Fixed) && self.started {
                    blocks.mark(&frames, None);
                    let (polluting, newly) = blocks.would_pollute(&frames);
                    self.found[zone].allocs += u64::from(polluting > 0);
                    self.found[zone].newly_mixed += newly;
                }
                blocks.mark(&frames, mobility);
            }
            Class::Freed | Class::Unmatched => blocks.mark(&frames, None),
            Class::Failed | Class::Refused | Class::Implied | Class::Null => {}
        }
    }

    /// Returns the result, once all events were taken in: the zones that have pages.
    pub fn finish(mut self) -> Vec<Pollution> {
        self.start(u64::MAX);
        for (found, blocks) in self.found.iter_mut().zip(&self.zones) {
            found.last = blocks.as_ref().filter(|_| self.follows).map(Blocks::mixture);
        }
        self.found.into_iter().zip(&self.zones).filter(|(_, blocks)| blocks.is_some()).map(|(found, _)| found).collect()
    }

    /// Takes the first count, once the time is past in which the frames' use was read.
    fn start(&mut self, time: u64) {
        if self.started || time < self.read.end {
            return;
        }
        self.started = true;
        for (found, blocks) in self.found.iter_mut().zip(&self.zones) {
            found.first = blocks.as_ref().map(Blocks::mixture).unwrap_or_default();
        }
    }
}

/// The frames of one zone: two bits each, and two counts per pageblock.
struct Blocks {
    zone: Range<u64>,
    /// the zone's first frame, rounded down to a pageblock
    base: u64,
    pageblock_order: u8,
    movable: Bits,
    fixed: Bits,
    /// movable pages and others in each pageblock
    pages: Vec<(u64, u64)>,
}

impl Blocks {
    fn new(zone: Range<u64>, pageblock_order: u8) -> Self {
        let base = zone.start >> pageblock_order << pageblock_order;
        let frames = zone.end - base;
        let pages = vec![(0, 0); (frames >> pageblock_order) as usize + 1];
        Self { zone, base, pageblock_order, movable: Bits::new(frames), fixed: Bits::new(frames), pages }
    }

    /// Marks what frames are used for; `None`: for nothing, or nobody knows.
    fn mark(&mut self, frames: &Range<u64>, mobility: Option<Mobility>) {
        if frames.end - frames.start == 1 && self.zone.contains(&frames.start) {
            return self.mark_one(frames.start - self.base, mobility);
        }
        for (block, part) in self.parts(frames) {
            let (movable, fixed) = &mut self.pages[block];
            *movable -= self.movable.remove_all(part.clone());
            *fixed -= self.fixed.remove_all(part.clone());
            match mobility {
                Some(Mobility::Movable) => *movable += self.movable.insert_all(part),
                Some(Mobility::Fixed) => *fixed += self.fixed.insert_all(part),
                None => {}
            }
        }
    }

    /// Marks what one frame is used for, as most events are about one.
    fn mark_one(&mut self, at: u64, mobility: Option<Mobility>) {
        let (movable, fixed) = &mut self.pages[(at >> self.pageblock_order) as usize];
        *movable -= u64::from(self.movable.remove(at));
        *fixed -= u64::from(self.fixed.remove(at));
        let (frames, pages) = match mobility {
            Some(Mobility::Movable) => (&mut self.movable, movable),
            Some(Mobility::Fixed) => (&mut self.fixed, fixed),
            None => return,
        };
        frames.insert(at);
        *pages += 1;
    }

    /// Returns how many pageblocks of these frames have mostly movable pages, and how many of those hold no others so
    /// far.
    fn would_pollute(&self, frames: &Range<u64>) -> (u64, u64) {
        let movable = self.parts(frames).map(|(block, _)| self.pages[block]).filter(|(movable, fixed)| movable > fixed);
        movable.fold((0, 0), |(blocks, newly), (_, fixed)| (blocks + 1, newly + u64::from(fixed == 0)))
    }

    /// Counts the pageblocks by what they hold.
    fn mixture(&self) -> Mixture {
        let mut mixture = Mixture::default();
        for (movable, fixed) in &self.pages {
            mixture.movable += u64::from(*movable > 0);
            mixture.mixed += u64::from(*movable > 0 && *fixed > 0);
            if *fixed > 0 && fixed < movable {
                mixture.polluted += 1;
                mixture.polluting_pages += fixed;
            }
        }
        mixture
    }

    /// Returns the frames, as far as they lie in the zone, by pageblock and counted from the base.
    fn parts(&self, frames: &Range<u64>) -> impl Iterator<Item = (usize, Range<u64>)> + use<> {
        let (mut at, end) = (frames.start.max(self.zone.start), frames.end.min(self.zone.end));
        let (base, pageblock_order) = (self.base, self.pageblock_order);
        std::iter::from_fn(move || {
            let start = (at < end).then(|| at - base)?;
            let block = start >> pageblock_order;
            at = (base + ((block + 1) << pageblock_order)).min(end);
            Some((block as usize, start..at - base))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_pages_that_stay_pollute_a_pageblock() {
        // Pageblocks of 8 frames; the zone starts in the middle of one.
        let mut blocks = Blocks::new(4..40, 3);
        let mut mark = |frames: Range<u64>, mobility| blocks.mark(&frames, mobility);
        mark(0..12, Some(Mobility::Movable)); // 4..8 and 8..12
        mark(11..12, Some(Mobility::Fixed)); // polluted: 3 movable, 1 not
        mark(16..18, Some(Mobility::Movable));
        (18..24).for_each(|pfn| mark(pfn..pfn + 1, Some(Mobility::Fixed))); // mixed, but more the other way
        mark(32..64, Some(Mobility::Fixed)); // ends with the zone
        assert_eq!(blocks.mixture(), Mixture { movable: 3, mixed: 2, polluted: 1, polluting_pages: 1 });
        assert_eq!(
            blocks.would_pollute(&(4..20)),
            (2, 1),
            "the first of them holds nothing else yet; in the third, most pages stay anyway"
        );
        assert_eq!(blocks.would_pollute(&(24..40)), (0, 0));
        blocks.mark(&(0..u64::MAX), None);
        assert_eq!((blocks.mixture(), blocks.pages.iter().all(|pages| *pages == (0, 0))), (Mixture::default(), true));
    }
}
