//! The `mem_map`: 32 bytes of metadata for every page frame.
//!
//! Two arrays of four words a frame. The *hot* one (links, tag, count and flags) is all the buddy and per-CPU paths touch; the *cold* one
//! holds what only owners use. Both start as zeroed memory, which the operating system hands out lazily, so a model of 64 GiB costs nothing
//! until frames are used. For the same reason a zero tag must mean "nothing known here", and it does.

use alloc::{vec, vec::Vec};

use crate::Migratetype;

/// What the tag of a block's first frame says about the block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum BlockState {
    /// Not the head of any block: a later frame of one, a hole, or memory held since before the model began.
    None = 0,
    /// On a free list of the buddy allocator.
    Buddy = 1,
    /// On a per-CPU list.
    Pcp = 2,
    /// Handed out.
    Allocated = 3,
}

/// Packed description of a block, kept in its first frame only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Tag(u32);

impl Tag {
    pub(crate) const NONE: Self = Self(0);

    #[inline]
    pub(crate) const fn new(state: BlockState, order: u8, mt: Migratetype, zone: u8) -> Self {
        Self(order as u32 | (state as u32) << 4 | (mt as u32) << 8 | (zone as u32) << 16)
    }

    #[inline]
    pub(crate) const fn state(self) -> BlockState {
        match (self.0 >> 4) & 3 {
            0 => BlockState::None,
            1 => BlockState::Buddy,
            2 => BlockState::Pcp,
            _ => BlockState::Allocated,
        }
    }

    #[inline]
    pub(crate) const fn order(self) -> u8 {
        (self.0 & 0xf) as u8
    }

    /// For free blocks the list's type, for allocated ones the type that was asked for.
    #[inline]
    pub(crate) const fn migratetype(self) -> Migratetype {
        Migratetype::from_index((self.0 >> 8 & 7) as u8)
    }

    #[inline]
    pub(crate) const fn zone(self) -> u8 {
        (self.0 >> 16) as u8
    }

    /// Whether the frame heads an allocated block of exactly this order.
    #[inline]
    pub(crate) const fn is_allocated_of(self, order: u8) -> bool {
        self.0 & 0x3f == order as u32 | (BlockState::Allocated as u32) << 4
    }

    /// Whether the frame heads a buddy block of exactly this order.
    #[inline]
    pub(crate) const fn is_buddy_of(self, order: u8) -> bool {
        self.0 & 0x3f == order as u32 | (BlockState::Buddy as u32) << 4
    }
}

/// Words of a cold record.
#[derive(Clone, Copy)]
pub(crate) enum Cold {
    /// `private`: its owner's scratch word.
    Private = 0,
    /// `mapping`: whose data the frame holds.
    Mapping = 1,
    /// `index`: offset of the data in its mapping.
    Index = 2,
    /// Number of page-table entries that map the frame.
    MapCount = 3,
}

const NEXT: usize = 0;
const PREV: usize = 1;
const TAG: usize = 2;
const COUNT_FLAGS: usize = 3;

/// Metadata of all frames from the first zone's start to the last zone's end.
pub(crate) struct MemMap {
    base: u64,
    hot: Vec<[u32; 4]>,
    cold: Vec<[u32; 4]>,
}

impl MemMap {
    pub(crate) fn new(base: u64, frames: usize) -> Self {
        // Arrays of integers, not structs: `vec!` then asks the allocator for zeroed memory instead of writing it.
        Self { base, hot: vec![[0; 4]; frames], cold: vec![[0; 4]; frames] }
    }

    pub(crate) const BYTES_PER_FRAME: usize = 2 * size_of::<[u32; 4]>();

    #[inline]
    pub(crate) fn index(&self, pfn: u64) -> u32 {
        (pfn - self.base) as u32
    }

    #[inline]
    pub(crate) fn pfn(&self, i: u32) -> u64 {
        self.base + u64::from(i)
    }

    pub(crate) fn contains(&self, pfn: u64) -> bool {
        pfn >= self.base && pfn - self.base < self.hot.len() as u64
    }

    #[inline]
    pub(crate) fn tag(&self, i: u32) -> Tag {
        Tag(self.hot[i as usize][TAG])
    }

    #[inline]
    pub(crate) fn set_tag(&mut self, i: u32, tag: Tag) {
        self.hot[i as usize][TAG] = tag.0;
    }

    /// `(prev, next)`.
    #[inline]
    pub(crate) fn links(&self, i: u32) -> (u32, u32) {
        let hot = &self.hot[i as usize];
        (hot[PREV], hot[NEXT])
    }

    #[inline]
    pub(crate) fn set_links(&mut self, i: u32, prev: u32, next: u32) {
        let hot = &mut self.hot[i as usize];
        hot[PREV] = prev;
        hot[NEXT] = next;
    }

    #[inline]
    pub(crate) fn set_next(&mut self, i: u32, next: u32) {
        self.hot[i as usize][NEXT] = next;
    }

    #[inline]
    pub(crate) fn set_prev(&mut self, i: u32, prev: u32) {
        self.hot[i as usize][PREV] = prev;
    }

    /// Marks the block as handed out: tag, one reference, and the bit that says the frame has had an owner before.
    #[inline]
    pub(crate) fn hand_out(&mut self, i: u32, tag: Tag) {
        let hot = &mut self.hot[i as usize];
        hot[TAG] = tag.0;
        hot[COUNT_FLAGS] = EVER_ALLOCATED | 1;
    }

    /// Takes a block back: tag, no reference, no flags; the frame stays known as used before.
    #[inline]
    pub(crate) fn take_back(&mut self, i: u32, tag: Tag) {
        let hot = &mut self.hot[i as usize];
        hot[TAG] = tag.0;
        hot[COUNT_FLAGS] = EVER_ALLOCATED;
    }

    pub(crate) fn count(&self, i: u32) -> u16 {
        self.hot[i as usize][COUNT_FLAGS] as u16
    }

    pub(crate) fn set_count(&mut self, i: u32, count: u16) {
        let word = &mut self.hot[i as usize][COUNT_FLAGS];
        *word = *word & !0xffff | u32::from(count);
    }

    pub(crate) fn flags(&self, i: u32) -> u16 {
        (self.hot[i as usize][COUNT_FLAGS] >> 16) as u16 & !((EVER_ALLOCATED >> 16) as u16)
    }

    pub(crate) fn set_flags(&mut self, i: u32, flags: u16) {
        let word = &mut self.hot[i as usize][COUNT_FLAGS];
        *word = *word & (0xffff | EVER_ALLOCATED) | u32::from(flags) << 16 & !EVER_ALLOCATED;
    }

    pub(crate) fn ever_allocated(&self, i: u32) -> bool {
        self.hot[i as usize][COUNT_FLAGS] & EVER_ALLOCATED != 0
    }

    #[inline]
    pub(crate) fn cold(&self, i: u32, word: Cold) -> u32 {
        self.cold[i as usize][word as usize]
    }

    #[inline]
    pub(crate) fn set_cold(&mut self, i: u32, word: Cold, value: u32) {
        self.cold[i as usize][word as usize] = value;
    }
}

/// Top bit of the flags half-word: the frame was handed out at least once. Tells a double free from a free of what was never allocated.
const EVER_ALLOCATED: u32 = 1 << 31;
