//! The contents of the frames. Only frames that were written are stored; the others read as zero, as after power-on.

use alloc::{boxed::Box, collections::BTreeMap, vec::Vec};

use crate::{Pfn, machine::PAGE_SIZE};

const PAGE: usize = PAGE_SIZE as usize;

/// The contents of physical memory.
#[derive(Default)]
pub struct Memory {
    frames: BTreeMap<u64, Box<[u8; PAGE]>>,
}

impl Memory {
    /// Writes bytes, starting at a physical address.
    pub fn write(&mut self, address: u64, bytes: &[u8]) {
        for (k, byte) in bytes.iter().enumerate() {
            let at = address + k as u64;
            let frame = self.frames.entry(at / PAGE_SIZE).or_insert_with(|| Box::new([0; PAGE]));
            frame[(at % PAGE_SIZE) as usize] = *byte;
        }
    }

    /// Reads `len` bytes, starting at a physical address.
    pub fn read(&self, address: u64, len: usize) -> Vec<u8> {
        let byte = |at: u64| self.frames.get(&(at / PAGE_SIZE)).map_or(0, |frame| frame[(at % PAGE_SIZE) as usize]);
        (address..address + len as u64).map(byte).collect()
    }

    /// `clear_page`: zeroes `pages` frames, starting at `pfn`.
    pub fn zero(&mut self, pfn: Pfn, pages: u64) {
        for p in pfn.0..pfn.0 + pages {
            self.frames.remove(&p);
        }
    }

    /// Returns whether every byte of a frame is zero.
    pub fn is_zero(&self, pfn: Pfn) -> bool {
        self.frames.get(&pfn.0).is_none_or(|frame| frame.iter().all(|b| *b == 0))
    }

    /// Copies the contents of one frame to another, as migration does.
    pub fn copy_page(&mut self, from: Pfn, to: Pfn) {
        match self.frames.get(&from.0).cloned() {
            Some(frame) => self.frames.insert(to.0, frame),
            None => self.frames.remove(&to.0),
        };
    }
}
