//! A batch of rows that are due to be written to a trace.

use std::sync::{Arc, Mutex};

use trace::{FragEvent, PageEvent, ReclaimEvent, Row, SlabEvent, Task, TaskRecord, Writer};

use super::{account::Account, trace_writer::TraceWriter};
use crate::{Error, names::NameBatch};

/// A batch of names, tasks and events. The rows of each table are in time order, and none is older than a row of an
/// earlier batch.
pub struct Batch {
    pub(super) account: Arc<Mutex<Account>>,
    pub(super) names: NameBatch,
    /// The threads that run when a trace begins. No records stand for them, so the account does not count them.
    pub(super) running: Vec<Task>,
    pub(super) tasks: Vec<TaskRecord>,
    /// The rows made from each of `tasks`.
    pub(super) task_rows: Vec<Vec<Task>>,
    pub(super) pages: Vec<PageEvent>,
    pub(super) slabs: Vec<SlabEvent>,
    pub(super) frags: Vec<FragEvent>,
    pub(super) reclaims: Vec<ReclaimEvent>,
}

impl Batch {
    /// Returns the number of bytes of memory that the batch's records take.
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.pages)
            + size_of_val(&*self.slabs)
            + size_of_val(&*self.frags)
            + size_of_val(&*self.reclaims)
            + size_of_val(&*self.tasks)
    }

    /// Writes the names, then the events, and counts each record as written or lost.
    ///
    /// # Errors
    /// The first error of the writer.
    pub fn write(self, trace: &mut TraceWriter) -> Result<(), Error> {
        trace.names.extend(self.names);
        let (writer, account) = (&mut trace.writer, &self.account);
        let result = trace.names.write(writer);
        let result = result.and(writer.append(&self.running).map_err(|(error, _)| error));
        let result = result.and(Account::settle(account, &self.tasks, |_| append_grouped(writer, &self.task_rows)));
        let result = result.and(Account::settle(account, &self.pages, |pages| writer.append(pages)));
        let result = result.and(Account::settle(account, &self.slabs, |slabs| writer.append(slabs)));
        let result = result.and(Account::settle(account, &self.frags, |frags| writer.append(frags)));
        Ok(result.and(Account::settle(account, &self.reclaims, |reclaims| writer.append(reclaims)))?)
    }
}

/// Writes the rows of several records, each of which may have several rows. On failure, also returns how many records
/// at the end are not completely in the trace.
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
