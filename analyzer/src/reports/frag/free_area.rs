//! Where the free blocks of a zone are.

use std::ops::Range;

use super::bits::Bits;

/// The free blocks of one zone, as `zone->free_area` holds them, but without lists: which of them the kernel would take
/// next is not asked here.
///
/// Two free buddies are always one block of the next order, so the blocks follow from the free frames alone. (The
/// kernel keeps buddies of pageblock size apart if one of them is reserved for atomic allocations or isolated; which
/// pageblocks are is not known.) Memory: two bits a frame.
pub(super) struct FreeArea {
    zone: Range<u64>,
    /// the zone's first frame, rounded down to the largest block
    base: u64,
    /// by order: the free blocks, numbered from `base`
    free: Vec<Bits>,
    nr_free: Vec<u64>,
}

impl FreeArea {
    /// Starts without a free block. There is at least one order.
    pub fn new(zone: Range<u64>, nr_orders: usize) -> Self {
        let base = zone.start >> (nr_orders - 1) << (nr_orders - 1);
        let frames = zone.end.saturating_sub(base);
        let free = (0..nr_orders).map(|order| Bits::new((frames >> order) + 1)).collect();
        Self { zone, base, free, nr_free: vec![0; nr_orders] }
    }

    /// Returns the free blocks by order.
    pub fn nr_free(&self) -> &[u64] {
        &self.nr_free
    }

    /// Returns whether this can be a block of the zone: of a possible order, aligned, and wholly in it.
    pub fn can_hold(&self, pfn: u64, order: u8) -> bool {
        usize::from(order) < self.nr_free.len()
            && pfn.trailing_zeros() >= u32::from(order)
            && self.zone.contains(&pfn)
            && self.zone.end - pfn >= 1 << order
    }

    /// Takes a block's frames out, whatever blocks they are in; what else those hold stays free. Returns how many of
    /// the frames were free.
    pub fn take(&mut self, pfn: u64, order: u8) -> u64 {
        let at = pfn - self.base;
        for holder in order..self.nr_free.len() as u8 {
            if self.remove(at, holder) {
                // The kernel's `expand`: of every block that is halved, the half that is not wanted stays.
                for half in order..holder {
                    self.insert(at ^ (1 << half), half);
                }
                return 1 << order;
            }
        }
        let smaller = |part: u8| {
            let (first, parts) = (at >> part, 1 << (order - part));
            let gone = self.free[usize::from(part)].remove_all(first..first + parts);
            self.nr_free[usize::from(part)] -= gone;
            gone << part
        };
        (0..order).map(smaller).sum()
    }

    /// Frees a block and merges it with its buddies, as the kernel's `__free_one_page` does. Returns how many of its
    /// frames were free before.
    pub fn give(&mut self, pfn: u64, order: u8) -> u64 {
        let already = self.take(pfn, order);
        let (mut at, mut order) = (pfn - self.base, order);
        while usize::from(order) + 1 < self.nr_free.len() && self.remove(at ^ (1 << order), order) {
            at &= !(1 << order);
            order += 1;
        }
        self.insert(at, order);
        already
    }

    /// Frees those of these frames that lie in the zone.
    pub fn give_run(&mut self, frames: Range<u64>) {
        let (mut pfn, end) = (frames.start.max(self.zone.start), frames.end.min(self.zone.end));
        while pfn < end {
            let fits = (end - pfn).ilog2().min(pfn.trailing_zeros()).min(self.nr_free.len() as u32 - 1);
            self.give(pfn, fits as u8);
            pfn += 1 << fits;
        }
    }

    /// Removes the block of this order that a frame lies in, and returns whether it was free.
    fn remove(&mut self, at: u64, order: u8) -> bool {
        let was = self.free[usize::from(order)].remove(at >> order);
        self.nr_free[usize::from(order)] -= u64::from(was);
        was
    }

    fn insert(&mut self, at: u64, order: u8) {
        self.free[usize::from(order)].insert(at >> order);
        self.nr_free[usize::from(order)] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDERS: usize = 6;

    /// The free frames, one by one: the blocks are the largest aligned ones of which every frame is free.
    struct Naive {
        zone: Range<u64>,
        free: Vec<bool>,
    }

    impl Naive {
        fn set(&mut self, pfn: u64, order: u8, free: bool) -> u64 {
            let frames = &mut self.free[pfn as usize..(pfn + (1 << order)) as usize];
            let before = frames.iter().filter(|free| **free).count() as u64;
            frames.fill(free);
            before
        }

        fn nr_free(&self) -> Vec<u64> {
            let mut counts = vec![0; ORDERS];
            let mut pfn = 0;
            while pfn < self.free.len() {
                let whole = |order: &usize| {
                    pfn.is_multiple_of(1 << order)
                        && self.free.get(pfn..pfn + (1 << order)).is_some_and(|frames| frames.iter().all(|free| *free))
                };
                match (0..ORDERS).rev().find(whole) {
                    Some(order) => {
                        counts[order] += 1;
                        pfn += 1 << order;
                    }
                    None => pfn += 1,
                }
            }
            counts
        }
    }

    /// xorshift64
    fn next(random: &mut u64) -> u64 {
        *random ^= *random << 13;
        *random ^= *random >> 7;
        *random ^= *random << 17;
        *random
    }

    #[test]
    fn blocks_are_those_that_the_free_frames_make() {
        // Neither end of the zone is aligned, as those of a real one need not be.
        for (seed, zone) in [(1, 1..200), (2, 37..331), (3, 64..128), (4, 5..6)] {
            let mut random = 0x9e37_79b9_7f4a_7c15 * seed;
            let mut area = FreeArea::new(zone.clone(), ORDERS);
            let mut naive = Naive { zone: zone.clone(), free: vec![false; zone.end as usize] };
            for step in 0..4000 {
                let order = (next(&mut random) % ORDERS as u64) as u8;
                let pfn = (next(&mut random) % (zone.end + 8)) >> order << order;
                let possible = naive.zone.start <= pfn && pfn + (1 << order) <= naive.zone.end;
                assert_eq!(area.can_hold(pfn, order), possible, "{pfn} {order}");
                if !possible {
                    continue;
                }
                // More is freed than taken for a while, then the other way round.
                let free = next(&mut random) % 10 < if step / 500 % 2 == 0 { 7 } else { 3 };
                let free_before = if free { area.give(pfn, order) } else { area.take(pfn, order) };
                assert_eq!(free_before, naive.set(pfn, order, free), "seed {seed}, step {step}");
                assert_eq!(area.nr_free(), naive.nr_free(), "seed {seed}, step {step}");
            }
        }
    }

    #[test]
    fn a_run_becomes_the_largest_blocks_that_fit() {
        let mut area = FreeArea::new(4..100, ORDERS);
        area.give_run(0..80);
        assert_eq!(
            area.nr_free(),
            [0, 0, 1, 1, 2, 1],
            "4, 8, 16, 32 and 64 of it; what lies before the zone is none of it"
        );
        assert_eq!(area.take(48, 0), 1);
        assert_eq!(area.nr_free(), [1, 1, 2, 2, 3, 0], "the block of 32 frames is halved until one is out");
        area.give_run(95..u64::MAX);
        assert_eq!(area.nr_free(), [2, 1, 3, 2, 3, 0]);
    }

    #[test]
    fn what_can_be_no_block_is_told_from_what_can() {
        let area = FreeArea::new(1..100, ORDERS);
        let possible = [(1, 0), (2, 1), (96, 2)];
        assert!(possible.into_iter().all(|(pfn, order)| area.can_hold(pfn, order)));
        let impossible = [(0, 0), (100, 0), (2, 2), (96, 3), (0, 6), (64, 255), (u64::MAX, 0), (1 << 63, 5)];
        assert!(!impossible.into_iter().any(|(pfn, order)| area.can_hold(pfn, order)));
    }
}
