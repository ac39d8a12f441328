//! What one thread of the mix holds between its operations.

use std::collections::VecDeque;
use std::path::PathBuf;

use crate::memory::Mapping;
use crate::random::Random;

/// Pages of long-lived memory that a thread holds: 32 MiB of 4 KiB pages. A single operation adds at most 8 MiB, its
/// file 4 MiB.
const POOL_PAGES: usize = 8192;

/// The state of one thread.
pub struct State {
    /// Chooses the operations and their sizes.
    pub random: Random,
    /// The one file that this thread writes, over and over.
    pub file: PathBuf,
    pool: VecDeque<Mapping>,
    pool_pages: usize,
}

impl State {
    /// A thread that holds nothing yet.
    pub fn new(random: Random, file: PathBuf) -> Self {
        Self { random, file, pool: VecDeque::new(), pool_pages: 0 }
    }

    /// Keeps a mapping alive until newer ones need its room, so that lifetimes are spread over three orders of
    /// magnitude.
    pub fn keep(&mut self, mapping: Mapping) {
        self.pool_pages += mapping.pages();
        self.pool.push_back(mapping);
        while self.pool_pages > POOL_PAGES {
            // Mostly the oldest, sometimes any: real programs leave holes.
            let victim = if self.random.below(4) == 0 { self.random.below(self.pool.len()) } else { 0 };
            let Some(mapping) = self.pool.remove(victim) else { return };
            self.pool_pages -= mapping.pages();
        }
    }
}
