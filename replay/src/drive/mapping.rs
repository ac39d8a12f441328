//! The mapping from traced frames to model frames: which block of the model stands for which block of the machine.

use reference::{MAX_ORDER, Pfn};

/// The state of a traced frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    /// No event has touched the frame.
    Unknown,
    /// The frame is the first of a live block, for which `model` stands, if the model had room.
    Live {
        /// The order of the block.
        order: u8,
        /// The first frame of the model's block.
        model: Option<Pfn>,
    },
    /// The frame is a later frame of a live block.
    Tail,
    /// The frame was freed, and no allocation of it was seen since.
    Freed,
}

/// A slot in eight bytes: the kind in the lowest two bits, the order in the next four, and above them the model's frame
/// plus one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Packed(u64);

const UNKNOWN: u64 = 0;
const LIVE: u64 = 1;
const TAIL: u64 = 2;
const FREED: u64 = 3;

impl From<Slot> for Packed {
    fn from(slot: Slot) -> Self {
        Self(match slot {
            Slot::Unknown => UNKNOWN,
            Slot::Live { order, model } => LIVE | u64::from(order) << 2 | model.map_or(0, |pfn| pfn.0 + 1) << 6,
            Slot::Tail => TAIL,
            Slot::Freed => FREED,
        })
    }
}

impl From<Packed> for Slot {
    fn from(packed: Packed) -> Self {
        match packed.0 & 3 {
            UNKNOWN => Self::Unknown,
            LIVE => Self::Live { order: (packed.0 >> 2 & 0xf) as u8, model: (packed.0 >> 6).checked_sub(1).map(Pfn) },
            TAIL => Self::Tail,
            _ => Self::Freed,
        }
    }
}

const CHUNK: usize = 1 << MAX_ORDER;

/// A table of slots in two levels, so that its memory grows with the frames that a trace touches. An aligned block lies
/// in one chunk.
#[derive(Default)]
pub(crate) struct Mapping {
    chunks: Vec<Option<Box<[Packed; CHUNK]>>>,
}

impl Mapping {
    pub(crate) fn get(&self, pfn: u64) -> Slot {
        let chunk = self.chunks.get(pfn as usize / CHUNK).and_then(Option::as_ref);
        chunk.map_or(Slot::Unknown, |chunk| chunk[pfn as usize % CHUNK].into())
    }

    fn chunk(&mut self, pfn: u64) -> &mut [Packed; CHUNK] {
        let i = pfn as usize / CHUNK;
        if i >= self.chunks.len() {
            self.chunks.resize_with(i + 1, || None);
        }
        self.chunks[i].get_or_insert_with(|| Box::new([Packed(UNKNOWN); CHUNK]))
    }

    /// Sets all frames of a block to one slot. A block that is not aligned may end in the next chunk.
    fn fill(&mut self, pfn: u64, order: u8, slot: Slot) {
        let (mut at, end) = (pfn, pfn + (1 << order));
        while at < end {
            let first = at as usize % CHUNK;
            let pages = (CHUNK - first).min((end - at) as usize);
            self.chunk(at)[first..first + pages].fill(slot.into());
            at += pages as u64;
        }
    }

    /// Enters a live block.
    pub(crate) fn insert(&mut self, pfn: u64, order: u8, model: Option<Pfn>) {
        if order > 0 {
            self.fill(pfn, order, Slot::Tail);
        }
        self.chunk(pfn)[pfn as usize % CHUNK] = Slot::Live { order, model }.into();
    }

    /// Marks a block's frames as freed.
    pub(crate) fn remove(&mut self, pfn: u64, order: u8) {
        self.fill(pfn, order, Slot::Freed);
    }

    /// Returns the first frame from `pfn` to `end` − 1 that a live block covers.
    pub(crate) fn first_live(&self, pfn: u64, end: u64) -> Option<u64> {
        (pfn..end).find(|p| matches!(self.get(*p), Slot::Live { .. } | Slot::Tail))
    }

    /// Returns the live block that covers a frame: its first frame, its order and the first frame of the model's block.
    pub(crate) fn block_of(&self, pfn: u64) -> Option<(u64, u8, Option<Pfn>)> {
        match self.get(pfn) {
            Slot::Live { order, model } => Some((pfn, order, model)),
            Slot::Tail => (1..=MAX_ORDER).find_map(|o| match self.get(pfn >> o << o) {
                Slot::Live { order, model } if order >= o => Some((pfn >> o << o, order, model)),
                _ => None,
            }),
            Slot::Unknown | Slot::Freed => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_survives_packing() {
        for slot in [
            Slot::Unknown,
            Slot::Tail,
            Slot::Freed,
            Slot::Live { order: 0, model: None },
            Slot::Live { order: 10, model: Some(Pfn(0)) },
            Slot::Live { order: 3, model: Some(Pfn((1 << 52) - 1)) },
        ] {
            assert_eq!(Slot::from(Packed::from(slot)), slot);
        }
    }
}
