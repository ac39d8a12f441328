//! The `mem_map`: 26 bytes of metadata for every page frame.
//!
//! The metadata is in three arrays, by how often they are accessed. The *tags* describe the block that a frame heads,
//! in two bytes, so that the tags of 2 MiB fit into one kilobyte of cache; allocating and freeing through a per-CPU
//! list accesses nothing else. The *places* on the free lists are written when blocks enter the buddy system and read
//! when the blocks reach the head of their list. The *notes* hold what only owners use. The rings of the lists come in
//! addition: four bytes an entry, with room for at most four times the most blocks that a list ever had. Even with
//! every other page free, which gives the largest possible number of blocks, that is four bytes a page.
//!
//! All arrays start as zeroed memory, which the operating system provides lazily, so a model of 64 GiB costs nothing
//! until frames are used. For this reason a zero tag means "nothing known about this frame".

use alloc::{vec, vec::Vec};

use super::tag::{BlockState, EVER_ALLOCATED, NOTED, Tag};
use crate::machine::MAX_ORDER;

/// A reference to one frame's tag.
pub(crate) struct Slot<'a>(&'a mut u16);

impl Slot<'_> {
    #[inline]
    pub(crate) fn tag(&self) -> Tag {
        Tag(*self.0)
    }

    /// Sets the tag of a block that was allocated until now.
    #[inline]
    pub(crate) fn take_back(self, tag: Tag) {
        *self.0 = tag.0 | EVER_ALLOCATED;
    }
}

/// The words of a frame's notes.
#[derive(Clone, Copy)]
pub(crate) enum Note {
    /// `private`: a word for the use of the frame's owner.
    Private = 0,
    /// `mapping`: the number of the object whose data the frame holds.
    Mapping = 1,
    /// `index`: the offset of the data in its mapping.
    Index = 2,
    /// The number of page-table entries that map the frame.
    MapCount = 3,
    /// The flags in the upper half, and the references beyond the first in the lower half.
    FlagsCount = 4,
}

/// The notes of one frame.
type Notes = [u32; 5];
/// The place of a block on its free list: see [`crate::page::list::List`].
type Place = u32;

/// The metadata of all frames from the first zone's start to the last zone's end, rounded to blocks of the largest
/// order. With this rounding a block's buddy always has a tag, and its index follows from the block's index as its
/// frame number follows from the block's frame number.
pub(crate) struct MemMap {
    base: u64,
    tags: Vec<u16>,
    places: Vec<Place>,
    notes: Vec<Notes>,
}

impl MemMap {
    /// Creates the metadata of the frames `start` to `end` − 1.
    pub(crate) fn new(start: u64, end: u64) -> Self {
        let largest = 1 << MAX_ORDER;
        let base = start / largest * largest;
        let frames = (end.next_multiple_of(largest) - base) as usize;
        // The arrays hold integers and not structs, so that `vec!` asks the allocator for zeroed memory instead of
        // writing zeros.
        Self { base, tags: vec![0; frames], places: vec![0; frames], notes: vec![[0; 5]; frames] }
    }

    pub(crate) const BYTES_PER_FRAME: usize = size_of::<Tag>() + size_of::<Place>() + size_of::<Notes>();

    #[inline]
    pub(crate) fn index(&self, pfn: u64) -> u32 {
        (pfn - self.base) as u32
    }

    #[inline]
    pub(crate) fn pfn(&self, i: u32) -> u64 {
        self.base + u64::from(i)
    }

    /// Returns the index of a frame, or `None` if the frame is outside the map.
    #[inline]
    pub(crate) fn find(&self, pfn: u64) -> Option<u32> {
        let i = pfn.wrapping_sub(self.base);
        (i < self.tags.len() as u64).then_some(i as u32)
    }

    /// Returns the index and the tag of a frame, or `None` if the frame is outside the map.
    #[inline]
    pub(crate) fn slot(&mut self, pfn: u64) -> Option<(u32, Slot<'_>)> {
        let i = pfn.wrapping_sub(self.base);
        Some((i as u32, Slot(self.tags.get_mut(i as usize)?)))
    }

    #[inline]
    pub(crate) fn tag(&self, i: u32) -> Tag {
        Tag(self.tags[i as usize])
    }

    /// Reads the tags of some frames that are needed soon, so that the processor fetches them all at the same time
    /// instead of waiting for one after the other.
    #[inline]
    pub(crate) fn touch(&self, frames: &[u32]) {
        core::hint::black_box(frames.iter().fold(0, |all, i| all ^ self.tags[*i as usize]));
    }

    /// Sets the tag of a block that is on a free list or a per-CPU list.
    #[inline]
    pub(crate) fn set_tag(&mut self, i: u32, tag: Tag) {
        let slot = &mut self.tags[i as usize];
        *slot = *slot & EVER_ALLOCATED | tag.0;
    }

    /// Clears the tag of a frame that heads no block any more.
    #[inline]
    pub(crate) fn clear_tag(&mut self, i: u32) {
        self.tags[i as usize] &= EVER_ALLOCATED;
    }

    /// Returns whether a frame heads a block with this tag that was put on its list at this place.
    #[inline]
    pub(crate) fn is_at(&self, i: u32, tag: Tag, place: Place) -> bool {
        let at_place = self.places[i as usize] == place;
        // This is not `&&`: a processor cannot predict which of the two is false, so both are read.
        self.tag(i).is(tag) & at_place
    }

    /// Records the place of a block on its list.
    #[inline]
    pub(crate) fn set_place(&mut self, i: u32, place: Place) {
        self.places[i as usize] = place;
    }

    /// Marks the block as allocated, with one reference and no flags.
    #[inline]
    pub(crate) fn hand_out(&mut self, i: u32, tag: Tag) {
        self.tags[i as usize] = tag.0 | EVER_ALLOCATED;
    }

    /// Clears the notes of a block that is freed or divided.
    #[inline]
    pub(crate) fn drop_notes(&mut self, i: u32) {
        let tag = &mut self.tags[i as usize];
        if *tag & NOTED != 0 {
            *tag &= !NOTED;
            self.notes[i as usize] = [0; 5];
        }
    }

    /// Moves the notes of one block to another block, to which its data has moved.
    pub(crate) fn move_notes(&mut self, from: u32, to: u32) {
        self.notes[to as usize] = self.notes[from as usize];
        self.tags[to as usize] |= self.tags[from as usize] & NOTED;
        self.drop_notes(from);
    }

    /// Returns the number of references to an allocated block.
    pub(crate) fn count(&self, i: u32) -> u16 {
        self.note(i, Note::FlagsCount) as u16 + 1
    }

    pub(crate) fn set_count(&mut self, i: u32, count: u16) {
        let word = self.note(i, Note::FlagsCount) & !0xffff | u32::from(count.saturating_sub(1));
        self.note_down(i, Note::FlagsCount, word);
    }

    #[inline]
    pub(crate) fn flags(&self, i: u32) -> u16 {
        (self.note(i, Note::FlagsCount) >> 16) as u16
    }

    pub(crate) fn set_flags(&mut self, i: u32, flags: u16) {
        let word = self.note(i, Note::FlagsCount) & 0xffff | u32::from(flags) << 16;
        self.note_down(i, Note::FlagsCount, word);
    }

    /// Sets one word of the notes of an allocated block, and updates the block's mark for notes.
    pub(crate) fn note_down(&mut self, i: u32, word: Note, value: u32) {
        let notes = &mut self.notes[i as usize];
        notes[word as usize] = value;
        let tag = &mut self.tags[i as usize];
        *tag = if *notes == [0; 5] { *tag & !NOTED } else { *tag | NOTED };
    }

    /// Returns whether the frame's notes agree with its tag: only an allocated block may have notes.
    pub(crate) fn notes_agree(&self, i: u32) -> bool {
        let tag = self.tags[i as usize];
        let any = self.notes[i as usize] != [0; 5];
        match Tag(tag).state() {
            BlockState::Allocated => any == (tag & NOTED != 0),
            BlockState::Buddy | BlockState::Pcp => !any && tag & NOTED == 0,
            // A later frame of a slab has the slab's number as its mapping.
            BlockState::None => tag & NOTED == 0 && self.note(i, Note::FlagsCount) == 0,
        }
    }

    pub(crate) fn ever_allocated(&self, i: u32) -> bool {
        self.tags[i as usize] & EVER_ALLOCATED != 0
    }

    #[inline]
    pub(crate) fn note(&self, i: u32, word: Note) -> u32 {
        self.notes[i as usize][word as usize]
    }

    /// Returns one word of a frame's notes, or `None` if the frame is outside the map.
    #[inline]
    pub(crate) fn note_of(&self, pfn: u64, word: Note) -> Option<u32> {
        Some(self.notes.get(pfn.wrapping_sub(self.base) as usize)?[word as usize])
    }

    #[inline]
    pub(crate) fn set_note(&mut self, i: u32, word: Note, value: u32) {
        self.notes[i as usize][word as usize] = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_costs_at_most_32_bytes_a_page() {
        assert_eq!(MemMap::BYTES_PER_FRAME, 26);
    }
}
