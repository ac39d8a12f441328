//! What became of every record that came out of a ring.

use std::sync::{Mutex, MutexGuard, PoisonError};

use trace::{FragEvent, Kind, PageEvent, Program, ReclaimEvent, SlabEvent, TaskRecord};

/// Numbers of records by program and CPU, for each thing that can become of a record.
pub(super) struct Account {
    /// records that are in the trace
    pub written: [Vec<u64>; Program::ALL.len()],
    /// records that the writer failed to write
    pub lost: [Vec<u64>; Program::ALL.len()],
    /// records that the flight recorder kept for its time and did not need
    pub evicted: [Vec<u64>; Program::ALL.len()],
}

/// A record that waits in a queue.
pub(super) trait Queued: Copy {
    /// When it was made, in ns of `CLOCK_MONOTONIC`.
    fn time(&self) -> u64;
    /// The number of the program that emitted it, and the CPU on which it ran.
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

/// What can become of a record; see the fields of [`Account`].
#[derive(Debug, Clone, Copy)]
pub(super) enum Fate {
    Written,
    Lost,
    Evicted,
}

impl Account {
    /// An account of no records, for a machine with so many CPUs.
    pub fn new(cpus: usize) -> Self {
        let none = || std::array::from_fn(|_| vec![0; cpus]);
        Self { written: none(), lost: none(), evicted: none() }
    }

    /// Has `write` write the records, and counts each as written or lost. The account is locked only for the counting:
    /// writing may take long, and the merger needs the account meanwhile.
    ///
    /// # Errors
    /// The error of `write`, which also says how many records at the end were not written.
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

    /// Locks the account. It stays usable when a thread that held it has panicked: counts have no broken states.
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

    /// A new trace begins: what was written so far is in another one, and from here on counts like what was evicted.
    pub fn start_trace(&mut self) {
        for (evicted, written) in self.evicted.iter_mut().flatten().zip(self.written.iter_mut().flatten()) {
            *evicted += std::mem::take(written);
        }
    }
}
