//! The queue of one table's records between the rings and the trace.

use std::{collections::VecDeque, mem};

use super::account::{Account, Fate, Queued};

/// The records of one table that are not written yet.
pub(super) struct Queue<T> {
    /// The records that wait for records of other CPUs with earlier times.
    pub waiting: Vec<T>,
    /// The records that the flight recorder keeps until they are too old, in time order.
    held: VecDeque<T>,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { waiting: Vec::new(), held: VecDeque::new() }
    }
}

impl<T: Queued> Queue<T> {
    /// Returns the waiting records before `horizon`, in time order.
    pub fn due(&mut self, horizon: u64) -> &mut [T] {
        // Each CPU's records are almost in order, so this is a merge of sorted runs, which the standard sort detects.
        self.waiting.sort_by_key(T::time);
        let due = self.waiting.partition_point(|record| record.time() < horizon);
        &mut self.waiting[..due]
    }

    /// Removes the waiting records before `horizon` and returns them in time order.
    pub fn take_due(&mut self, horizon: u64) -> Vec<T> {
        let due = self.due(horizon).len();
        let later = self.waiting.split_off(due);
        mem::replace(&mut self.waiting, later)
    }

    /// Moves the waiting records before `horizon` to the held ones, and passes each to `inspect`.
    pub fn hold(&mut self, horizon: u64, mut inspect: impl FnMut(&T)) {
        let due = self.due(horizon);
        due.iter().for_each(&mut inspect);
        let count = due.len();
        self.held.extend(self.waiting.drain(..count));
    }

    /// Removes the held records before `since`, counts each as evicted, and passes it to `inspect`.
    pub fn evict(&mut self, since: u64, account: &mut Account, mut inspect: impl FnMut(&T)) {
        while let Some(record) = self.held.pop_front_if(|record| record.time() < since) {
            inspect(&record);
            account.count(Fate::Evicted, &record);
        }
    }

    /// Removes all held records and returns them in time order.
    pub fn take_held(&mut self) -> Vec<T> {
        mem::take(&mut self.held).into()
    }

    /// Returns the time of the oldest held record.
    pub fn held_since(&self) -> Option<u64> {
        self.held.front().map(T::time)
    }

    /// Returns the number of bytes of memory that the held records take.
    pub fn held_bytes(&self) -> usize {
        self.held.len() * size_of::<T>()
    }
}
