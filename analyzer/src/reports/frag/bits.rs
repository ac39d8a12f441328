//! A set of numbers below a bound, a bit each: what the frames of a zone are is kept in these.

use std::ops::Range;

/// A set of numbers.
pub(super) struct Bits(Vec<u64>);

impl Bits {
    /// Returns an empty set of numbers below `bound`. The system gives memory only to what is touched.
    pub fn new(bound: u64) -> Self {
        Self(vec![0; bound.div_ceil(64) as usize])
    }

    /// Removes a number, and returns whether it was a member; none beyond the bound is.
    pub fn remove(&mut self, at: u64) -> bool {
        let Some(word) = self.0.get_mut((at / 64) as usize) else { return false };
        let bit = 1 << (at % 64);
        let was = *word & bit != 0;
        *word &= !bit;
        was
    }

    /// Adds a number below the bound.
    pub fn insert(&mut self, at: u64) {
        self.0[(at / 64) as usize] |= 1 << (at % 64);
    }

    /// Adds all numbers of a range below the bound, and returns how many of them are new.
    pub fn insert_all(&mut self, range: Range<u64>) -> u64 {
        let new = |(at, mask): (usize, u64)| {
            let new = mask & !self.0[at];
            self.0[at] |= new;
            u64::from(new.count_ones())
        };
        words(range).map(new).sum()
    }

    /// Removes all numbers of a range below the bound, and returns how many of them were members.
    pub fn remove_all(&mut self, range: Range<u64>) -> u64 {
        let gone = |(at, mask): (usize, u64)| {
            let gone = mask & self.0[at];
            self.0[at] &= !gone;
            u64::from(gone.count_ones())
        };
        words(range).map(gone).sum()
    }
}

/// Returns the words that a range touches, each with the bits that belong to it.
fn words(range: Range<u64>) -> impl Iterator<Item = (usize, u64)> {
    let mut at = range.start;
    std::iter::from_fn(move || {
        let start = (at < range.end).then_some(at)?;
        at = (start / 64 + 1).saturating_mul(64).min(range.end);
        Some(((start / 64) as usize, u64::MAX >> (64 - (at - start)) << (start % 64)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_exact_at_the_edges_of_words() {
        for (start, end) in [(0, 0), (0, 1), (0, 64), (63, 65), (1, 63), (64, 192), (5, 190)] {
            let mut bits = Bits::new(200);
            assert_eq!(bits.insert_all(start..end), end - start);
            assert_eq!(bits.insert_all(start..end), 0, "{start}..{end} is there");
            let members: Vec<u64> = (0..200).filter(|at| bits.remove(*at)).collect();
            assert_eq!(members, (start..end).collect::<Vec<_>>());
            bits.insert(77);
            assert_eq!(bits.remove_all(0..200), 1);
        }
        assert!(!Bits::new(3).remove(1 << 60), "beyond the bound");
    }
}
