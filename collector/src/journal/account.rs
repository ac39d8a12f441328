//! What became of every record that came out of a ring.

use std::sync::{Mutex, MutexGuard, PoisonError};

use trace::{FragEvent, Kind, PageEvent, Program, ReclaimEvent, SlabEvent, TaskRecord};

/// What became of the records of each program, on each CPU.
pub(super) struct Account {
    pub written: [Vec<u64>; Program::ALL.len()],
    pub lost: [Vec<u64>; Program::ALL.len()],
    /// kept for a while, and then not needed: the flight recorder's
    pub let_go: [Vec<u64>; Program::ALL.len()],
}

/// A record that waits.
pub(super) trait Waiting: Copy {
    fn time(&self) -> u64;
    /// Which program emitted it, on which CPU.
    fn origin(&self) -> (usize, u16);
}

macro_rules! waiting {
    ($record:ty, $program:expr) => {
        impl Waiting for $record {
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
waiting!(PageEvent, |page| program_of(page.kind));
waiting!(SlabEvent, |slab| program_of(slab.kind));
waiting!(FragEvent, |frag| program_of(frag.kind));
waiting!(ReclaimEvent, |reclaim| program_of(reclaim.kind));
waiting!(TaskRecord, |task| usize::from(task.program));

fn program_of(kind: u8) -> usize {
    Kind::from_number(kind).and_then(Program::of).map_or(0, |program| program as usize)
}

/// What became of a record.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fate {
    Written,
    Lost,
    LetGo,
}

impl Account {
    /// Nothing has come yet.
    pub fn new(cpus: usize) -> Self {
        let none = || std::array::from_fn(|_| vec![0; cpus]);
        Self { written: none(), lost: none(), let_go: none() }
    }

    /// Has records written, and counts each as written or lost. Nobody waits for the account meanwhile.
    pub fn settle<T: Waiting>(
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

    /// The account, for a moment.
    pub fn lock(account: &Mutex<Self>) -> MutexGuard<'_, Self> {
        account.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn count(&mut self, fate: Fate, record: &impl Waiting) {
        let (program, cpu) = record.origin();
        let account = match fate {
            Fate::Written => &mut self.written,
            Fate::Lost => &mut self.lost,
            Fate::LetGo => &mut self.let_go,
        };
        if let Some(count) = account[program].get_mut(usize::from(cpu)) {
            *count += 1;
        }
    }

    /// What was written so far is in another trace than what follows.
    pub fn begin_again(&mut self) {
        for (let_go, written) in self.let_go.iter_mut().flatten().zip(self.written.iter_mut().flatten()) {
            *let_go += std::mem::take(written);
        }
    }
}
