//! Traced frame → model frame: which block of the model stands for which block of the machine.

use reference::{MAX_ORDER, Pfn};

/// What is known about a traced frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Slot {
    /// No event has touched it.
    #[default]
    Unknown,
    /// First frame of a live block; `model` stands for it, if the model had room.
    Live {
        /// log2 of its pages
        order: u8,
        /// the model's block
        model: Option<Pfn>,
    },
    /// A later frame of a live block.
    Tail,
    /// Freed, and not allocated since as far as we saw.
    Freed,
}

const CHUNK: usize = 512;

/// A table of slots in two levels, so that memory grows with the frames a trace touches.
#[derive(Default)]
pub(crate) struct Mapping {
    chunks: Vec<Option<Box<[Slot; CHUNK]>>>,
}

impl Mapping {
    pub(crate) fn get(&self, pfn: u64) -> Slot {
        let chunk = self.chunks.get(pfn as usize / CHUNK).and_then(Option::as_ref);
        chunk.map_or(Slot::Unknown, |chunk| chunk[pfn as usize % CHUNK])
    }

    pub(crate) fn set(&mut self, pfn: u64, slot: Slot) {
        let i = pfn as usize / CHUNK;
        if i >= self.chunks.len() {
            self.chunks.resize_with(i + 1, || None);
        }
        let chunk = self.chunks[i].get_or_insert_with(|| Box::new([Slot::Unknown; CHUNK]));
        chunk[pfn as usize % CHUNK] = slot;
    }

    /// Enters a live block.
    pub(crate) fn insert(&mut self, pfn: u64, order: u8, model: Option<Pfn>) {
        self.set(pfn, Slot::Live { order, model });
        for p in pfn + 1..pfn + (1 << order) {
            self.set(p, Slot::Tail);
        }
    }

    /// Marks a block's frames as freed.
    pub(crate) fn remove(&mut self, pfn: u64, order: u8) {
        for p in pfn..pfn + (1 << order) {
            self.set(p, Slot::Freed);
        }
    }

    /// The live block that covers a frame: its first frame, order and model block.
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
