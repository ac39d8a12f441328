//! A set of page frames.

use crate::fast_hash::NumberMap;

/// Frames per line of the set.
const LINE: u64 = 512;

/// A bit per frame, in lines of 512 frames: what is allocated one after the other mostly lies close together.
#[derive(Default)]
pub(crate) struct FrameSet {
    lines: NumberMap<u64, [u64; (LINE / 64) as usize]>,
}

impl FrameSet {
    /// Adds a frame.
    pub fn insert(&mut self, pfn: u64) {
        let (line, word, bit) = place(pfn);
        self.lines.entry(line).or_default()[word] |= bit;
    }

    /// Removes a frame, and returns whether it was in the set.
    pub fn remove(&mut self, pfn: u64) -> bool {
        let (line, word, bit) = place(pfn);
        let Some(line) = self.lines.get_mut(&line) else { return false };
        let was_there = line[word] & bit != 0;
        line[word] &= !bit;
        was_there
    }
}

/// Returns where the bit of a frame is: the line, the word in it and the bit in that.
fn place(pfn: u64) -> (u64, usize, u64) {
    (pfn / LINE, (pfn % LINE / 64) as usize, 1 << (pfn % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_in_the_set_until_it_is_removed() {
        let mut set = FrameSet::default();
        let frames = [0, 63, 64, 511, 512, 1 << 40, u64::MAX - 1];
        for pfn in [&frames[..], &[63]].concat() {
            set.insert(pfn);
        }
        assert!(!set.remove(1) && !set.remove(65) && !set.remove(u64::MAX), "neighbours are others");
        assert_eq!(frames.map(|pfn| (set.remove(pfn), set.remove(pfn))), [(true, false); 7]);
    }
}
