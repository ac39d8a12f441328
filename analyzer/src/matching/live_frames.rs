//! The page frames that are allocated at one time of the trace, as far as the trace tells.
//!
//! Every frame remembers the allocation that it came from, so frees need no assumptions. These cases are all counted
//! rightly: a block that was split and freed in parts, a free whose order differs from its allocation's, and a free
//! that the trace lacks.

use std::mem;

use crate::fast_hash::NumberMap;

/// The number of page frames in a piece of the map.
const PIECE: u64 = 256;
/// The greatest order that is read. No kernel's buddy allocator has so large an order, so a greater one comes from a
/// damaged or hostile file.
const LARGEST_ORDER: u8 = 20;
/// The record number of a frame for which no allocation is known.
const NONE: u32 = u32::MAX;

/// The facts about an allocation that its free needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Allocation {
    pub time: u64,
    /// The number of the allocation's attributes.
    pub attributes: u32,
}

/// The number of frames that one event takes from one allocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Taken {
    pub from: Allocation,
    pub frames: u64,
}

/// The live frames. They take four bytes of memory for each frame, in pieces of 256 frames, and one record for each
/// allocation.
#[derive(Default)]
pub(crate) struct LiveFrames {
    pieces: NumberMap<u64, Piece>,
    records: Vec<Record>,
    vacant: Vec<u32>,
    /// The records that the current event takes frames from, each with the number of frames. The vector is kept from
    /// event to event, so that no event allocates memory for it.
    touched: Vec<(u32, u64)>,
}

/// An allocation and the number of its frames that are live. The struct has no padding, since most of the memory for a
/// large live set goes into records.
struct Record {
    time: u64,
    attributes: u32,
    left: u32,
}

impl Record {
    fn from(&self) -> Allocation {
        Allocation { time: self.time, attributes: self.attributes }
    }
}

/// The record numbers of neighbouring frames.
struct Piece {
    record_of: Box<[u32; PIECE as usize]>,
    live: u32,
}

impl LiveFrames {
    /// Adds an allocation. Frames that were live already must have been freed by events that the trace lacks: they go
    /// into `lost`, by allocation.
    pub fn allocate(&mut self, pfn: u64, order: u8, allocation: Allocation, lost: &mut Vec<Taken>) {
        let number = self.vacant.pop().unwrap_or_else(|| {
            self.records.push(Record { time: 0, attributes: 0, left: 0 });
            self.records.len() as u32 - 1
        });
        let mut left = 0;
        for (piece, range) in pieces(pfn, order) {
            let piece = self
                .pieces
                .entry(piece)
                .or_insert_with(|| Piece { record_of: Box::new([NONE; PIECE as usize]), live: 0 });
            left += range.len() as u32;
            for record in &mut piece.record_of[range] {
                match mem::replace(record, number) {
                    NONE => piece.live += 1,
                    before => touch(&mut self.touched, before),
                }
            }
        }
        self.records[number as usize] = Record { time: allocation.time, attributes: allocation.attributes, left };
        self.settle(lost);
    }

    /// Removes the frames of a free, and puts the allocations that they came from into `taken`, in the order of the
    /// frames. `taken` is empty if none of the frames was known to be live.
    pub fn free(&mut self, pfn: u64, order: u8, taken: &mut Vec<Taken>) {
        for (number, range) in pieces(pfn, order) {
            let Some(piece) = self.pieces.get_mut(&number) else { continue };
            for record in &mut piece.record_of[range] {
                let before = mem::replace(record, NONE);
                if before != NONE {
                    touch(&mut self.touched, before);
                    piece.live -= 1;
                }
            }
            if piece.live == 0 {
                self.pieces.remove(&number);
            }
        }
        self.settle(taken);
    }

    /// Takes the frames of the current event from their records, and puts the allocations that they came from into
    /// `taken`.
    fn settle(&mut self, taken: &mut Vec<Taken>) {
        taken.clear();
        for (number, frames) in self.touched.drain(..) {
            let record = &mut self.records[number as usize];
            record.left -= frames as u32;
            if record.left == 0 {
                self.vacant.push(number);
            }
            taken.push(Taken { from: record.from(), frames });
        }
    }

    /// Returns the live allocations, each with the number of its frames that are live.
    pub fn still_live(&self) -> impl Iterator<Item = Taken> {
        self.records
            .iter()
            .filter(|record| record.left > 0)
            .map(|record| Taken { from: record.from(), frames: u64::from(record.left) })
    }
}

/// Counts one more frame of a record. The search begins with the latest record, since neighbouring frames mostly belong
/// to one allocation.
fn touch(touched: &mut Vec<(u32, u64)>, record: u32) {
    match touched.iter_mut().rev().find(|(known, _)| *known == record) {
        Some((_, frames)) => *frames += 1,
        None => touched.push((record, 1)),
    }
}

/// Returns the pieces of the map that a block lies in, each with the range of the block's frames there. An order above
/// [`LARGEST_ORDER`] is read as that order.
fn pieces(pfn: u64, order: u8) -> impl Iterator<Item = (u64, std::ops::Range<usize>)> {
    let end = pfn.saturating_add(1 << order.min(LARGEST_ORDER));
    let mut at = pfn;
    std::iter::from_fn(move || {
        let start = (at < end).then_some(at)?;
        at = (start / PIECE + 1).saturating_mul(PIECE).min(end);
        Some((start / PIECE, (start % PIECE) as usize..(start % PIECE + (at - start)) as usize))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allocation(time: u64, order: u8) -> Allocation {
        Allocation { time, attributes: u32::from(order) }
    }

    /// The two operations with a returned result, which is easier to compare.
    impl LiveFrames {
        fn allocated(&mut self, pfn: u64, order: u8, allocation: Allocation) -> Vec<Taken> {
            let mut lost = Vec::new();
            self.allocate(pfn, order, allocation, &mut lost);
            lost
        }

        fn freed(&mut self, pfn: u64, order: u8) -> Vec<Taken> {
            let mut taken = Vec::new();
            self.free(pfn, order, &mut taken);
            taken
        }
    }

    #[test]
    fn a_block_comes_back_whole_or_in_parts() {
        let mut live = LiveFrames::default();
        let (huge, one) = (allocation(1, 9), allocation(2, 0));
        assert_eq!(live.allocated(512, 9, huge), []);
        assert_eq!(live.allocated(7, 0, one), []);
        assert_eq!(live.freed(512, 8), [Taken { from: huge, frames: 256 }]);
        assert_eq!(live.freed(7, 0), [Taken { from: one, frames: 1 }]);
        assert_eq!(live.freed(7, 0), [], "a second free finds nothing");
        assert_eq!(live.still_live().collect::<Vec<_>>(), [Taken { from: huge, frames: 256 }]);
        assert_eq!(live.freed(768, 8), [Taken { from: huge, frames: 256 }]);
        assert_eq!(live.still_live().count(), 0);
        assert!(live.pieces.is_empty(), "memory follows the live set");
    }

    #[test]
    fn one_free_may_end_several_allocations() {
        let mut live = LiveFrames::default();
        let (a, b) = (allocation(1, 0), allocation(2, 1));
        live.allocated(8, 0, a);
        live.allocated(10, 1, b);
        assert_eq!(live.freed(8, 2), [Taken { from: a, frames: 1 }, Taken { from: b, frames: 2 }]);
    }

    #[test]
    fn reuse_of_a_live_frame_implies_a_free_that_was_missed() {
        let mut live = LiveFrames::default();
        let (old, new) = (allocation(1, 2), allocation(2, 0));
        live.allocated(4, 2, old);
        assert_eq!(live.allocated(5, 0, new), [Taken { from: old, frames: 1 }]);
        assert_eq!(live.freed(4, 2), [Taken { from: old, frames: 3 }, Taken { from: new, frames: 1 }]);
    }

    #[test]
    fn numbers_at_the_edge_do_not_overflow() {
        let mut live = LiveFrames::default();
        live.allocated(u64::MAX - 2, 3, allocation(1, 3));
        assert_eq!(live.freed(u64::MAX - 2, 3).iter().map(|taken| taken.frames).sum::<u64>(), 2);
    }
}
