//! What lies in the pageblocks of one zone: pages that can be moved, pages that cannot, or both.

use std::ops::Range;

use super::bits::Bits;

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

/// Whether the pages in a frame can be moved.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mobility {
    Movable,
    Fixed,
}

impl Mobility {
    /// Judges by a class of `frame_run`, which is that of /proc/kpageflags.
    pub fn of_class(class: &str) -> Option<Self> {
        match class {
            "anon" | "file" => Some(Self::Movable),
            "slab" | "page_table" | "reserved" => Some(Self::Fixed),
            _ => None,
        }
    }

    /// Judges by the migratetype that was asked for.
    pub fn of_migratetype(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "movable" => Some(Self::Movable),
            "unmovable" | "reclaimable" | "highatomic" => Some(Self::Fixed),
            _ => None,
        }
    }
}

/// The frames of one zone: two bits each, and two counts per pageblock.
pub(super) struct Blocks {
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
    /// Starts with frames that are used for nothing.
    pub fn new(zone: Range<u64>, pageblock_order: u8) -> Self {
        let base = zone.start >> pageblock_order << pageblock_order;
        let frames = zone.end - base;
        let pages = vec![(0, 0); (frames >> pageblock_order) as usize + 1];
        Self { zone, base, pageblock_order, movable: Bits::new(frames), fixed: Bits::new(frames), pages }
    }

    /// Marks what frames are used for; `None`: for nothing, or nobody knows.
    pub fn mark(&mut self, frames: &Range<u64>, mobility: Option<Mobility>) {
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
    pub fn would_pollute(&self, frames: &Range<u64>) -> (u64, u64) {
        let movable = self.parts(frames).map(|(block, _)| self.pages[block]).filter(|(movable, fixed)| movable > fixed);
        movable.fold((0, 0), |(blocks, newly), (_, fixed)| (blocks + 1, newly + u64::from(fixed == 0)))
    }

    /// Counts the pageblocks by what they hold.
    pub fn mixture(&self) -> Mixture {
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
