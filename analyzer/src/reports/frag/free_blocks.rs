//! Tracking the free blocks: what `/proc/buddyinfo` said last, carried on by the events.

use std::ops::Range;

use trace::{FragEvent, FrameRun, Header};

use super::{
    events::Moved,
    free_area::FreeArea,
    history::{Basis, Contradictions, History},
    zone::Zone,
};
use crate::{
    fast_hash::NumberMap,
    matching::event::{Class, MatchedEvent},
    read::snapshots::Snapshot,
};

/// Up to this order (the kernel's `PAGE_ALLOC_COSTLY_ORDER`) and at that of huge pages, freed pages go to a pcp list;
/// others straight back.
const PCP_ORDER: u8 = 3;

/// Follows the free blocks of every zone, in one pass over the events in time order.
///
/// The frames that were free at the start make the first [`FreeArea`] of each zone. They were read for some time while
/// events happened: when all events of that time are applied again, whether what was read shows them or not, the last
/// event about each frame decides, and that is right. So the blocks are known from the end of that time on.
///
/// `/proc/buddyinfo` gives counts, no frames. What the tracker has too many or too few at a snapshot is its `surplus`
/// from then on, so that no error lasts beyond the next snapshot.
pub(super) struct FreeBlockTracker<'a> {
    header: &'a Header,
    /// the snapshots that are still to come
    snapshots: &'a [Snapshot],
    /// the moments that are still to come
    moments: &'a [u64],
    /// when reading the free frames began; earlier events are part of what was read
    begin: u64,
    started: bool,
    /// when a snapshot or a moment is due
    next: u64,
    /// when the latest event happened
    now: u64,
    zones: Vec<Zone>,
    /// by CPU: the last event, if it was a fallback that took frames
    fallbacks: NumberMap<u16, FragEvent>,
    history: History,
}

impl<'a> FreeBlockTracker<'a> {
    /// `read` is when the free frames were read. The snapshots and the moments that are wanted are in time order.
    pub fn new(
        header: &'a Header,
        basis: Basis,
        read: Range<u64>,
        snapshots: &'a [Snapshot],
        moments: &'a [u64],
    ) -> Self {
        let orders = usize::from(header.nr_orders);
        let follows = !matches!(basis, Basis::Snapshots(_));
        let zone = |zone: &trace::Zone| {
            let frames = zone.start_pfn..zone.start_pfn.saturating_add(zone.spanned);
            Zone::new((follows && !frames.is_empty()).then(|| FreeArea::new(frames, orders)), orders)
        };
        let since = if follows { read.end } else { u64::MAX };
        let (moments_met, drifts, scarcity) = Default::default();
        Self {
            header,
            snapshots,
            moments,
            begin: if follows { read.start } else { u64::MAX },
            started: false,
            next: 0,
            now: 0,
            zones: header.zones.iter().map(zone).collect(),
            fallbacks: NumberMap::default(),
            history: History {
                basis,
                since,
                moments: moments_met,
                drifts,
                contradictions: Contradictions::default(),
                isolated: 0,
                scarcity,
            },
        }
    }

    /// Enters frames as they were at the start.
    pub fn frames(&mut self, run: &FrameRun) {
        if run.class == "free" {
            let frames = run.pfn..run.pfn.saturating_add(run.pages);
            self.zones.iter_mut().filter_map(|zone| zone.area.as_mut()).for_each(|area| area.give_run(frames.clone()));
        }
    }

    /// Takes in an event of the family `frag`.
    pub fn moved(&mut self, moved: Moved, event: &FragEvent) {
        if !self.reach(event.time) {
            return;
        }
        let FragEvent { time, cpu, pfn, order, zone, .. } = *event;
        let before = self
            .fallbacks
            .remove(&cpu)
            .filter(|before| moved == Moved::Out && is_retry(before, event, self.header.pageblock_order));
        if let Some(before) = before {
            self.change(time, before.zone, (before.pfn, before.order), FreeArea::give);
        }
        let known =
            self.change(time, zone, (pfn, order), if moved == Moved::Back { FreeArea::give } else { FreeArea::take });
        let Some(known) = known else { return };
        match moved {
            Moved::Out => self.contradicts(|pages| pages.left_unseen += (1 << order) - known),
            Moved::Back => self.contradicts(|pages| pages.came_twice += known),
            Moved::Fallback if known == 1 << order => drop(self.fallbacks.insert(cpu, *event)),
            // Since 6.10 the block has left by an event of its own where the whole list was claimed.
            Moved::Fallback => {}
        }
    }

    /// Takes in a page event.
    pub fn page(&mut self, event: &MatchedEvent<'_>) {
        if !matches!(event.class, Class::Allocated | Class::Freed | Class::Unmatched) || !self.reach(event.time) {
            return;
        }
        let by_lists = self.history.basis == Basis::FreeArea;
        // Single pages come and go by pcp lists only: zone_locked and pcpu_drain have told of them, and they are most
        // of all events.
        if by_lists && event.bytes == self.header.page_size {
            return;
        }
        let Some(pages) = event.bytes.checked_div(self.header.page_size).filter(|pages| *pages > 0) else { return };
        let order = pages.ilog2() as u8;
        // On a pcp list, frames are in no free block; what was told of them is only confirmed.
        let to_pcp = by_lists && (order <= PCP_ORDER || order == self.header.pageblock_order);
        let change = if event.class == Class::Allocated || to_pcp { FreeArea::take } else { FreeArea::give };
        let known = self.change(event.time, event.zone as u8, (event.address, order), change);
        if by_lists {
            self.contradicts(|pages| pages.used_unseen += known.unwrap_or(0));
        }
    }

    /// Returns the result, once all events were taken in.
    pub fn finish(mut self) -> History {
        self.catch_up(u64::MAX - 1);
        let end = self.header.clock.end_ns.max(self.now);
        self.zones.iter_mut().for_each(|zone| zone.pass(end));
        self.history.scarcity = self.zones.into_iter().map(|zone| zone.scarcity).collect();
        self.history
    }

    /// Does what is due until `time`, and returns whether an event at that time is to be followed.
    fn reach(&mut self, time: u64) -> bool {
        if time >= self.next {
            self.catch_up(time);
        }
        self.now = self.now.max(time);
        time >= self.begin
    }

    /// Compares with the snapshots, and answers the moments, that are due until `time`.
    fn catch_up(&mut self, time: u64) {
        loop {
            let since = if self.started { u64::MAX } else { self.history.since };
            let snapshot = self.snapshots.first().map_or(u64::MAX, |snapshot| snapshot.time);
            let moment = self.moments.first().copied().unwrap_or(u64::MAX);
            self.next = since.min(snapshot).min(moment);
            if self.next > time {
                return;
            }
            if since == self.next {
                self.started = true;
                self.zones.iter_mut().for_each(|zone| zone.start(since));
            } else if snapshot == self.next {
                let read = &self.snapshots[0];
                self.snapshots = &self.snapshots[1..];
                self.history.drifts.extend(self.zones.get_mut(usize::from(read.zone)).and_then(|zone| zone.read(read)));
            } else {
                self.moments = &self.moments[1..];
                let zones = self.zones.iter().enumerate();
                self.history.moments.extend(zones.filter_map(|(number, zone)| zone.at(moment, number as u8)));
            }
        }
    }

    /// Changes the free blocks of a zone, and returns what the change says; `None` if there can be no such block.
    fn change(
        &mut self,
        time: u64,
        zone: u8,
        (pfn, order): (u64, u8),
        change: fn(&mut FreeArea, u64, u8) -> u64,
    ) -> Option<u64> {
        let said = self.zones.get_mut(usize::from(zone)).and_then(|zone| zone.change(time, (pfn, order), change));
        if said.is_none() {
            self.contradicts(|pages| pages.impossible += 1);
        }
        said
    }

    /// Counts a contradiction, once the free blocks are known.
    fn contradicts(&mut self, add: impl FnOnce(&mut Contradictions)) {
        if self.started {
            add(&mut self.history.contradictions);
        }
    }
}

/// Up to 6.9 the kernel moves another list's free pages of the pageblock to the list that was empty, tells of the block
/// that led it there, and tries again, which may give it another block of them. Since 6.10 no block of that pageblock
/// can follow at once unless the whole of it was claimed.
fn is_retry(fallback: &FragEvent, event: &FragEvent, pageblock_order: u8) -> bool {
    let pageblock = |event: &FragEvent| event.pfn.checked_shr(u32::from(pageblock_order));
    fallback.fallback_order < pageblock_order
        && (fallback.order, fallback.migratetype, pageblock(fallback))
            == (event.order, event.migratetype, pageblock(event))
        && fallback.pfn != event.pfn
}

#[cfg(test)]
mod tests {
    use trace::{Clock, Kind, NO_MIGRATETYPE, UNKNOWN_ZONE};

    use super::*;

    fn header() -> Header {
        let zone = trace::Zone {
            node: 0,
            name: "Normal".into(),
            start_pfn: 1024,
            spanned: 4096,
            present: 4096,
            managed: 4096,
        };
        Header {
            clock: Clock { name: String::new(), utc_offset_ns: 0, start_ns: 0, end_ns: 1000 },
            zones: vec![zone],
            ..Header::default()
        }
    }

    fn event(time: u64, pfn: u64, order: u8) -> FragEvent {
        let kind = Kind::ZoneLocked as u8;
        let (fallback_order, fallback_migratetype) = (u8::MAX, NO_MIGRATETYPE);
        FragEvent {
            time,
            pid: 1,
            cpu: 0,
            kind,
            order,
            pfn,
            migratetype: 0,
            zone: 0,
            fallback_order,
            fallback_migratetype,
            change_ownership: 0,
            percpu_refill: 0,
        }
    }

    fn fallback(time: u64, pfn: u64, fallback_order: u8) -> FragEvent {
        FragEvent { fallback_order, fallback_migratetype: 1, ..event(time, pfn, 0) }
    }

    /// Free blocks by order when all is over, starting from one free pageblock.
    fn after(events: &[(Moved, FragEvent)]) -> (Vec<u64>, Contradictions) {
        let (header, moments) = (header(), [1000]);
        let mut tracker = FreeBlockTracker::new(&header, Basis::FreeArea, 100..200, &[], &moments);
        tracker.frames(&FrameRun { time: 100, snapshot: 0, pfn: 1024, pages: 512, class: "free".into() });
        for (moved, event) in events {
            tracker.moved(*moved, event);
        }
        let history = tracker.finish();
        (history.moments[0].blocks.nr_free.clone(), history.contradictions)
    }

    const PAGEBLOCK: [u64; 11] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0];
    const WITHOUT_ONE_PAGE: [u64; 11] = [1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0];

    #[test]
    fn a_fallback_is_one_block_whichever_kernel_tells_of_it() {
        // 6.15 and later: only the fallback tells.
        assert_eq!(after(&[(Moved::Fallback, fallback(300, 1024, 8))]).0, WITHOUT_ONE_PAGE);
        // 6.10 and later, if the pageblock was claimed: the block has left before; the next one of the same refill
        // follows.
        let claimed = [
            (Moved::Out, event(300, 1024, 0)),
            (Moved::Fallback, fallback(301, 1024, 8)),
            (Moved::Out, event(302, 1025, 0)),
        ];
        assert_eq!(after(&claimed).0, [0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0]);
        // Up to 6.9: the block that is given out in the end may be another one of that pageblock.
        let retried = [(Moved::Fallback, fallback(300, 1024, 8)), (Moved::Out, event(301, 1535, 0))];
        assert_eq!(after(&retried), (WITHOUT_ONE_PAGE.to_vec(), Contradictions::default()));
        // Of a pageblock that was taken as a whole, the next block of the refill is no second try.
        let whole = [(Moved::Fallback, fallback(300, 1024, 9)), (Moved::Out, event(301, 1025, 0))];
        assert_eq!(after(&whole).0, [0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0]);
    }

    #[test]
    fn events_before_the_frames_were_read_are_part_of_what_was_read() {
        assert_eq!(after(&[(Moved::Out, event(99, 1024, 0))]).0, PAGEBLOCK);
        assert_eq!(after(&[(Moved::Out, event(100, 1024, 0))]).0, WITHOUT_ONE_PAGE);
        let again =
            [(Moved::Out, event(110, 1024, 0)), (Moved::Back, event(120, 1024, 0)), (Moved::Back, event(130, 1536, 9))];
        assert_eq!(
            after(&again),
            (vec![0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], Contradictions::default()),
            "nothing of that time is odd"
        );
    }

    #[test]
    fn what_contradicts_the_blocks_is_counted() {
        let (blocks, contradictions) = after(&[
            (Moved::Out, event(300, 2048, 2)),
            (Moved::Back, event(301, 1024, 1)),
            (Moved::Out, FragEvent { zone: UNKNOWN_ZONE, ..event(302, 1024, 0) }),
            (Moved::Out, event(303, 1025, 1)),
        ]);
        assert_eq!(blocks, PAGEBLOCK);
        assert_eq!(contradictions, Contradictions { left_unseen: 4, came_twice: 2, used_unseen: 0, impossible: 2 });
    }
}
