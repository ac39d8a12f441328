//! One per-CPU list, whose blocks come and go at its head and are given back from its tail.
//!
//! The kernel links the blocks through their pages. Here the blocks are in one array with the head at its end, so that
//! neither a page that is freed and allocated again nor its neighbours are accessed.

use alloc::vec::Vec;

/// The number of blocks that are given back together: roughly the number of memory accesses that a processor has in
/// flight.
const AT_ONCE: usize = 32;

/// A list of blocks, by frame index.
#[derive(Default)]
pub(crate) struct Queue {
    /// The blocks from tail to head, after `gone` empty places.
    blocks: Vec<u32>,
    gone: usize,
}

impl Queue {
    pub(crate) const EMPTY: Self = Self { blocks: Vec::new(), gone: 0 };

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.blocks.len() - self.gone
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline]
    pub(crate) fn push_head(&mut self, i: u32) {
        self.blocks.push(i);
    }

    #[inline]
    pub(crate) fn pop_head(&mut self) -> Option<u32> {
        if self.is_empty() { None } else { self.blocks.pop() }
    }

    /// Fills an empty list with blocks, of which the first is the first to be taken.
    pub(crate) fn fill(&mut self, blocks: impl Iterator<Item = u32>) {
        debug_assert!(self.is_empty(), "blocks that were there would be lost");
        self.blocks.clear();
        self.blocks.extend(blocks);
        self.blocks.reverse();
        self.gone = 0;
    }

    pub(crate) fn push_tail(&mut self, i: u32) {
        if self.gone == 0 {
            // The array gets as much room in front as it has blocks, so that the cost per block stays constant.
            self.gone = self.blocks.len() + 1;
            self.blocks.splice(..0, core::iter::repeat_n(0, self.gone));
        }
        self.gone -= 1;
        self.blocks[self.gone] = i;
    }

    /// Takes up to `n` blocks from the tail and passes them to `take`, up to [`AT_ONCE`] at a time.
    pub(crate) fn drain_tail(&mut self, n: usize, take: impl FnMut(&[u32])) {
        let end = self.gone + n.min(self.len());
        self.blocks[self.gone..end].chunks(AT_ONCE).for_each(take);
        self.gone = end;
        // The empty places are removed once they are more than half of the array.
        if self.gone * 2 > self.blocks.len() {
            self.blocks.drain(..self.gone);
            self.gone = 0;
        }
    }

    /// Iterates over the blocks from tail to head.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> {
        self.blocks.iter().skip(self.gone).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::VecDeque;

    #[test]
    fn a_queue_like_any_other() {
        let (mut queue, mut other) = (Queue::EMPTY, VecDeque::new());
        let mut seed = 1u32;
        for step in 0..10_000 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            match seed >> 30 {
                0 => {
                    queue.push_head(step);
                    other.push_back(step);
                }
                1 => {
                    queue.push_tail(step);
                    other.push_front(step);
                }
                2 => assert_eq!(queue.pop_head(), other.pop_back()),
                _ if queue.is_empty() => {
                    queue.fill(step..step + 3);
                    other.extend((step..step + 3).rev());
                }
                _ => queue.drain_tail((seed >> 8 & 3) as usize, |some| {
                    for i in some {
                        assert_eq!(Some(*i), other.pop_front());
                    }
                }),
            }
            assert_eq!((queue.len(), queue.is_empty()), (other.len(), other.is_empty()));
        }
        assert!(queue.iter().eq(other));
    }
}
