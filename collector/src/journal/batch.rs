//! Rows that are due, on their way into a trace.

use std::sync::{Arc, Mutex};

use trace::{
    Cache, Cgroup, FragEvent, PageEvent, ReclaimEvent, Row, SlabEvent, Stack, Symbol, Task, TaskRecord, Writer,
};

use super::account::Account;
use crate::Error;

/// Writes one trace.
pub struct Pen {
    pub writer: Writer,
    /// what could not be written, and is tried again: events without it say nothing
    names: Names,
}

impl Pen {
    /// For a trace that has nothing yet.
    pub fn new(writer: Writer) -> Self {
        Self { writer, names: Names::default() }
    }
}

/// What the numbers in events stand for.
#[derive(Debug, Default)]
pub struct Names {
    pub symbols: Vec<Symbol>,
    pub stacks: Vec<Stack>,
    pub caches: Vec<Cache>,
    pub cgroups: Vec<Cgroup>,
}

impl Names {
    pub fn extend(&mut self, more: Self) {
        self.symbols.extend(more.symbols);
        self.stacks.extend(more.stacks);
        self.caches.extend(more.caches);
        self.cgroups.extend(more.cgroups);
    }

    /// Writes them; what could not be written is still there.
    fn write(&mut self, writer: &mut Writer) -> Result<(), trace::Error> {
        fn write<R: Row>(rows: &mut Vec<R>, writer: &mut Writer) -> Result<(), trace::Error> {
            let (result, unwritten) = match writer.append(rows) {
                Ok(()) => (Ok(()), 0),
                Err((error, unwritten)) => (Err(error), unwritten),
            };
            rows.drain(..rows.len() - unwritten);
            result
        }
        write(&mut self.symbols, writer)?;
        write(&mut self.stacks, writer)?;
        write(&mut self.caches, writer)?;
        write(&mut self.cgroups, writer)
    }
}

/// Names, tasks and events: of each table in time order, and none of them older than what the batch before had.
pub struct Batch {
    pub(super) account: Arc<Mutex<Account>>,
    pub(super) names: Names,
    /// who runs when a trace begins: no record stands for them
    pub(super) running: Vec<Task>,
    pub(super) tasks: Vec<TaskRecord>,
    /// of each of those records
    pub(super) task_rows: Vec<Vec<Task>>,
    pub(super) pages: Vec<PageEvent>,
    pub(super) slabs: Vec<SlabEvent>,
    pub(super) frags: Vec<FragEvent>,
    pub(super) reclaims: Vec<ReclaimEvent>,
}

impl Batch {
    /// What its events take in memory.
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.pages)
            + size_of_val(&*self.slabs)
            + size_of_val(&*self.frags)
            + size_of_val(&*self.reclaims)
            + size_of_val(&*self.tasks)
    }

    /// Writes it, and counts each record as written or lost. A name is in the trace before the first event that uses
    /// it.
    ///
    /// # Errors
    /// The first error of the writer.
    pub fn write(self, pen: &mut Pen) -> Result<(), Error> {
        pen.names.extend(self.names);
        let (writer, account) = (&mut pen.writer, &self.account);
        let result = pen.names.write(writer);
        let result = result.and(writer.append(&self.running).map_err(|(error, _)| error));
        let result = result.and(Account::settle(account, &self.tasks, |_| append_grouped(writer, &self.task_rows)));
        let result = result.and(Account::settle(account, &self.pages, |pages| writer.append(pages)));
        let result = result.and(Account::settle(account, &self.slabs, |slabs| writer.append(slabs)));
        let result = result.and(Account::settle(account, &self.frags, |frags| writer.append(frags)));
        Ok(result.and(Account::settle(account, &self.reclaims, |reclaims| writer.append(reclaims)))?)
    }
}

/// Writes the rows of several records, each of which may have made several; on failure tells how many records at the
/// end are not in the trace.
fn append_grouped<R: Row + Clone>(writer: &mut Writer, groups: &[Vec<R>]) -> Result<(), (trace::Error, usize)> {
    writer.append(&groups.concat()).map_err(|(error, unwritten)| {
        let mut left = unwritten;
        let whole = groups.iter().rev().take_while(|group| {
            let torn = left > 0;
            left = left.saturating_sub(group.len());
            torn
        });
        (error, whole.count())
    })
}
