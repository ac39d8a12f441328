//! The account of what became of every record that came out of a ring.

use std::sync::{Mutex, MutexGuard, PoisonError};

use trace::{FragEvent, Kind, PageEvent, Program, ReclaimEvent, SlabEvent, TaskRecord};

/// The numbers of records by program and CPU, for each [`Fate`].
pub(super) struct Account {
    /// The records that are in the trace.
    pub written: [Vec<u64>; Program::ALL.len()],
    /// The records that the writer failed to write.
    pub lost: [Vec<u64>; Program::ALL.len()],
    /// The records that the flight recorder kept for its time and did not need.
    pub evicted: [Vec<u64>; Program::ALL.len()],
}

/// A record that waits in a queue.
pub(super) trait Queued: Copy {
    /// Returns the time of the record, in ns of `CLOCK_MONOTONIC`.
    fn time(&self) -> u64;
    /// Returns the number of the program that emitted the record, and the CPU on which the program ran.
    fn origin(&self) -> (usize, u16);
}

macro_rules! queued {
    ($record:ty, $program:expr) => {
        impl Queued for $record {
            fn time(&self) -> u64 {
                self.time
            }

            fn origin(&self) -> (usize, u16) {
                let program: fn(&Self) -> usize = $program;
                (program(self), self.cpu)
            }
        }
    };
}
queued!(PageEvent, |page| program_of(page.kind));
queued!(SlabEvent, |slab| program_of(slab.kind));
queued!(FragEvent, |frag| program_of(frag.kind));
queued!(ReclaimEvent, |reclaim| program_of(reclaim.kind));
queued!(TaskRecord, |task| usize::from(task.program));

fn program_of(kind: u8) -> usize {
    Kind::from_number(kind).and_then(Program::of).map_or(0, |program| program as usize)
}

/// What became of a record. The fields of [`Account`] have the meaning of each variant.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fate {
    Written,
    Lost,
    Evicted,
}

impl Account {
    /// Returns an account without records, for a machine with `cpus` CPUs.
    pub fn new(cpus: usize) -> Self {
        let none = || std::array::from_fn(|_| vec![0; cpus]);
        Self { written: none(), lost: none(), evicted: none() }
    }

    /// Writes the records with `write`, and counts each as written or lost. The account is locked only for the
    /// counting, because writing may take long and the merger needs the account in the meantime.
    ///
    /// # Errors
    /// The error of `write`, which also returns how many records at the end were not written.
    pub fn settle<T: Queued>(
        account: &Mutex<Self>,
        records: &[T],
        write: impl FnOnce(&[T]) -> Result<(), (trace::Error, usize)>,
    ) -> Result<(), trace::Error> {
        let (result, unwritten) = match write(records) {
            Ok(()) => (Ok(()), 0),
            Err((error, unwritten)) => (Err(error), unwritten),
        };
        let (written, lost) = records.split_at(records.len() - unwritten);
        let mut account = Self::lock(account);
        for record in written {
            account.count(Fate::Written, record);
        }
        for record in lost {
            account.count(Fate::Lost, record);
        }
        result
    }

    /// Locks the account. The account stays usable after a thread that held the lock has panicked, because counts
    /// cannot be left in a broken state.
    pub fn lock(account: &Mutex<Self>) -> MutexGuard<'_, Self> {
        account.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one record.
    pub fn count(&mut self, fate: Fate, record: &impl Queued) {
        let (program, cpu) = record.origin();
        let account = match fate {
            Fate::Written => &mut self.written,
            Fate::Lost => &mut self.lost,
            Fate::Evicted => &mut self.evicted,
        };
        if let Some(count) = account[program].get_mut(usize::from(cpu)) {
            *count += 1;
        }
    }

    /// Starts the account of a new trace. The records written so far are in another trace, and count as evicted from
    /// then on.
    pub fn start_trace(&mut self) {
        for (evicted, written) in self.evicted.iter_mut().flatten().zip(self.written.iter_mut().flatten()) {
            *evicted += std::mem::take(written);
        }
    }
}
