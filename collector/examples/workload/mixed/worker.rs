//! One thread of the mix: picks operations and holds what lives on between them.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;

use super::operation;
use crate::memory::Mapping;
use crate::random::Random;

/// Pages of long-lived memory a thread holds: 32 MiB of 4 KiB pages. A single operation adds at most 8 MiB, its file 4
/// MiB.
const POOL_PAGES: usize = 8192;

/// The state of one thread.
pub struct Worker {
    /// Chooses the operations and their sizes.
    pub random: Random,
    /// The one file this thread writes, over and over.
    pub file: PathBuf,
    pool: VecDeque<Mapping>,
    pool_pages: usize,
}

impl Worker {
    pub fn new(random: Random, file: PathBuf) -> Self {
        Self { random, file, pool: VecDeque::new(), pool_pages: 0 }
    }

    /// Works until `end`, or for `most` operations; returns how often each operation of [`operation::ALL`] ran.
    pub fn run(mut self, end: Instant, most: u64, rest: Duration) -> anyhow::Result<Vec<u64>> {
        let mut counts = vec![0; operation::ALL.len()];
        for _ in 0..most {
            if Instant::now() >= end {
                break;
            }
            let chosen = self.random.below(operation::ALL.len());
            let operation = &operation::ALL[chosen];
            (operation.run)(&mut self).with_context(|| format!("the operation '{}' failed", operation.name))?;
            counts[chosen] += 1;
            thread::sleep(rest);
        }
        Ok(counts)
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
