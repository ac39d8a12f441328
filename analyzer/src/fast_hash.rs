//! A fast hash for keys that are numbers of the kernel's: page frames, objects and pids. There are millions of them and
//! nobody chooses them to collide, so they need no hash that withstands an attacker.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasherDefault, Hasher},
};

/// A map whose keys are numbers of the kernel's, or tuples of them.
pub(crate) type NumberMap<K, V> = HashMap<K, V, BuildHasherDefault<Multiply>>;

/// A set of numbers of the kernel's, or of tuples of them.
pub(crate) type NumberSet<K> = HashSet<K, BuildHasherDefault<Multiply>>;

/// A Fibonacci hash: one multiplication for each number. The entropy is in the high bits of the product, so `finish`
/// rotates these to where the hash table looks.
#[derive(Default, Clone)]
pub(crate) struct Multiply(u64);

impl Hasher for Multiply {
    fn finish(&self) -> u64 {
        self.0.rotate_left(26)
    }

    /// Adds the bytes of a slice of numbers.
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.write_u64(u64::from_le_bytes(*word));
        }
        for byte in rest {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u8(&mut self, number: u8) {
        self.write_u64(u64::from(number));
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(5) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    /// Ignores the length of a slice, since all keys of one map have the same length.
    fn write_usize(&mut self, _length: usize) {}
}
