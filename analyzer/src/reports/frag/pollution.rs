//! In how many pageblocks pages that can be moved lie beside pages that cannot.

use std::ops::Range;

use trace::{FrameRun, Header};

use super::mixture::{Blocks, Mixture, Mobility};
use crate::{
    matching::event::{Class, MatchedEvent},
    present::table::{Cell, Table, Unit},
};

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
