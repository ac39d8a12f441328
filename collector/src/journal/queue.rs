//! The records of one table on their way: waiting for others, kept for a while, written.

use std::{collections::VecDeque, mem};

use super::account::{Account, Fate, Waiting};

/// The records of one table.
pub(super) struct Queue<T> {
    /// those that wait for records of other CPUs with earlier times
    pub waiting: Vec<T>,
    /// those that are in order, and kept until they are too old
    pub held: VecDeque<T>,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { waiting: Vec::new(), held: VecDeque::new() }
    }
}

impl<T: Waiting> Queue<T> {
    /// The waiting records before `horizon`, in order.
    pub fn due(&mut self, horizon: u64) -> &mut [T] {
        // Each CPU's records are in order but for a few, so this is a merge of sorted runs, which the standard sort
        // detects.
        self.waiting.sort_by_key(T::time);
        let due = self.waiting.partition_point(|record| record.time() < horizon);
        &mut self.waiting[..due]
    }

    /// The same, and they wait no more.
    pub fn take_due(&mut self, horizon: u64) -> Vec<T> {
        let due = self.due(horizon).len();
        let later = self.waiting.split_off(due);
        mem::replace(&mut self.waiting, later)
    }

    pub fn hold(&mut self, horizon: u64, mut see: impl FnMut(&T)) {
        let due = self.due(horizon);
        due.iter().for_each(&mut see);
        let count = due.len();
        self.held.extend(self.waiting.drain(..count));
    }

    pub fn let_go(&mut self, since: u64, account: &mut Account, mut last_look: impl FnMut(&T)) {
        while let Some(record) = self.held.pop_front_if(|record| record.time() < since) {
            last_look(&record);
            account.count(Fate::LetGo, &record);
        }
    }

    pub fn take_held(&mut self) -> Vec<T> {
        mem::take(&mut self.held).into()
    }

    pub fn held_since(&self) -> Option<u64> {
        self.held.front().map(T::time)
    }

    pub fn held_bytes(&self) -> usize {
        self.held.len() * size_of::<T>()
    }
}
