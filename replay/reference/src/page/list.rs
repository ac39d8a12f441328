//! Free lists, which blocks join at either end and leave from any position.
//!
//! The kernel links the blocks through their pages (`page->lru`), so removing one from the middle writes to both its
//! neighbours. This costs two cache misses, because the order of a free list is unrelated to the order in memory. Here
//! a list is a ring of frame indices, and each block records its place in the ring. Removing a block from the middle
//! writes to no other block: the block's entry becomes stale, which its frame's tag or place shows, and is skipped when
//! it reaches the head. The order of the blocks is the kernel's.

use alloc::{boxed::Box, vec};

use super::{mem_map::MemMap, tag::Tag};

/// The end of a free list that a block is put on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Head,
    Tail,
}

/// The number of entries of the smallest ring.
const FEWEST: usize = 16;

/// One free list. All its blocks carry the same tag, which the caller passes in. Places are counters that wrap around
/// at 2^32; their low bits are the position in the ring.
pub(crate) struct List {
    /// The frame indices of the blocks. The ring is empty, or its length is a power of two.
    ring: Box<[u32]>,
    /// The place of the first block, which is never that of a stale entry.
    start: u32,
    /// The place after that of the last entry.
    end: u32,
    /// The number of blocks, which is that of the entries that are not stale.
    len: u32,
}

impl Default for List {
    fn default() -> Self {
        Self { ring: Box::new([]), start: 0, end: 0, len: 0 }
    }
}

impl List {
    #[inline]
    pub(crate) const fn len(&self) -> u32 {
        self.len
    }

    #[inline]
    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[inline]
    pub(crate) fn first(&self) -> Option<u32> {
        if self.len == 0 { None } else { Some(self.entry(self.start)) }
    }

    #[inline]
    fn slot(&self, place: u32) -> usize {
        place as usize & self.ring.len().wrapping_sub(1)
    }

    #[inline]
    fn entry(&self, place: u32) -> u32 {
        self.ring[self.slot(place)]
    }

    /// Adds a block whose tag is already set.
    #[inline]
    pub(crate) fn push(&mut self, map: &mut MemMap, i: u32, tag: Tag, end: End) {
        if self.end.wrapping_sub(self.start) as usize == self.ring.len() {
            self.make_room(map, i, tag);
        }
        let at_tail = u32::from(end == End::Tail);
        // This avoids a branch, because a processor cannot predict which end it is.
        self.start = self.start.wrapping_sub(1 - at_tail);
        let place = if end == End::Tail { self.end } else { self.start };
        self.end = self.end.wrapping_add(at_tail);
        let slot = self.slot(place);
        self.ring[slot] = i;
        map.set_place(i, place);
        self.len += 1;
    }

    /// Removes a block. The block's tag need not have changed yet, but it must change before another block is added.
    #[inline]
    pub(crate) fn remove(&mut self, map: &MemMap, i: u32, tag: Tag) {
        self.len -= 1;
        if self.len == 0 {
            (self.start, self.end) = (0, 0);
        } else if self.entry(self.start) == i {
            self.start = self.start.wrapping_add(1);
            self.skip_stale(map, tag);
        }
    }

    #[inline]
    pub(crate) fn pop_head(&mut self, map: &MemMap, tag: Tag) -> Option<u32> {
        let i = self.first()?;
        self.remove(map, i, tag);
        Some(i)
    }

    /// Iterates over the blocks from head to tail.
    pub(crate) fn iter<'a>(&'a self, map: &'a MemMap, tag: Tag) -> impl Iterator<Item = u32> + 'a {
        let entries = self.end.wrapping_sub(self.start);
        (0..entries).map(|k| self.start.wrapping_add(k)).filter_map(move |place| {
            let i = self.entry(place);
            map.is_at(i, tag, place).then_some(i)
        })
    }

    /// Moves the start to the next entry that is not stale. The list must have one.
    #[inline]
    fn skip_stale(&mut self, map: &MemMap, tag: Tag) {
        while !map.is_at(self.entry(self.start), tag, self.start) {
            self.start = self.start.wrapping_add(1);
        }
    }

    /// Drops the stale entries of a full ring, and doubles the ring first if half of the entries or more are blocks.
    /// The block `joining` has the list's tag already but is no member yet.
    #[cold]
    fn make_room(&mut self, map: &mut MemMap, joining: u32, tag: Tag) {
        if self.len as usize * 2 >= self.ring.len() {
            let mut larger = Self { ring: vec![0; (self.ring.len() * 2).max(FEWEST)].into_boxed_slice(), ..*self };
            for place in (0..self.ring.len() as u32).map(|k| self.start.wrapping_add(k)) {
                let slot = larger.slot(place);
                larger.ring[slot] = self.entry(place);
            }
            *self = larger;
        }
        let mut kept = self.start;
        let mut at = self.start;
        while at != self.end {
            let i = self.entry(at);
            let slot = self.slot(kept);
            // The entry is written even if it is stale, and then overwritten: a processor cannot predict whether it is
            // stale.
            self.ring[slot] = i;
            kept = kept.wrapping_add(u32::from(i != joining && map.is_at(i, tag, at)));
            at = at.wrapping_add(1);
        }
        self.end = kept;
        let mut at = self.start;
        while at != self.end {
            map.set_place(self.entry(at), at);
            at = at.wrapping_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{migratetype::Migratetype, tag::BlockState};
    use super::*;
    use alloc::{collections::VecDeque, vec::Vec};

    /// Random pushes at both ends, pops and removals from the middle give the same list as a `VecDeque`, and the ring
    /// does not grow out of proportion.
    #[test]
    fn a_list_like_any_other() {
        const FRAMES: u32 = 2048;
        let tag = Tag::new(BlockState::Buddy, 0, Migratetype::Movable, 0);
        let mut map = MemMap::new(0, FRAMES.into());
        let (mut list, mut other) = (List::default(), VecDeque::new());
        let (mut seed, mut most) = (1u32, 0);
        for step in 0..100_000u32 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let i = seed >> 8 & (FRAMES - 1);
            // The list grows for 10,000 steps, then shrinks for 10,000.
            let shrinks = step / 10_000 % 2 == 1;
            match (seed >> 28, map.tag(i).is_none()) {
                (0..4, _) => {
                    assert_eq!(list.first(), other.front().copied());
                    let popped = list.pop_head(&map, tag);
                    assert_eq!(popped, other.pop_front());
                    if let Some(i) = popped {
                        map.clear_tag(i);
                    }
                }
                (_, true) if !shrinks => {
                    let end = if seed >> 27 & 1 == 0 { End::Head } else { End::Tail };
                    map.set_tag(i, tag);
                    list.push(&mut map, i, tag, end);
                    if end == End::Head { other.push_front(i) } else { other.push_back(i) }
                }
                (_, false) => {
                    list.remove(&map, i, tag);
                    map.clear_tag(i);
                    other.retain(|k| *k != i);
                }
                _ => {}
            }
            most = most.max(other.len());
            assert_eq!((list.len() as usize, list.is_empty()), (other.len(), other.is_empty()));
            assert!(list.ring.len() <= FEWEST.max(4 * most), "{} entries for {most} blocks", list.ring.len());
            if step % 64 == 0 {
                assert_eq!(list.iter(&map, tag).collect::<Vec<_>>(), Vec::from(other.clone()));
            }
        }
        assert!(most > 300, "{most}");
    }
}
