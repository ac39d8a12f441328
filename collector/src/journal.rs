//! Between the rings and the trace: events of all CPUs in one time order, and the account of what became of each.

mod account;
mod queue;

use trace::{Counters, FragEvent, Ledger, PageEvent, Program, ReclaimEvent, Row, SlabEvent, Task, TaskRecord, Writer};

use self::{account::Account, queue::Queue};
use crate::{
    Error,
    bpf::Record,
    resolve::{Resolved, Resolver},
};

/// Collects records and writes rows in time order, or keeps them for a while.
pub struct Journal {
    resolver: Resolver,
    pages: Queue<PageEvent>,
    slabs: Queue<SlabEvent>,
    frags: Queue<FragEvent>,
    reclaims: Queue<ReclaimEvent>,
    tasks: Queue<TaskRecord>,
    account: Account,
}

impl Journal {
    /// An empty one.
    pub fn new(resolver: Resolver, cpus: usize) -> Self {
        let account = Account::new(cpus);
        let (pages, slabs, frags, reclaims, tasks) = Default::default();
        Self { resolver, pages, slabs, frags, reclaims, tasks, account }
    }

    /// Takes a record out of a ring.
    pub fn push(&mut self, record: Record<'_>) {
        match self.resolver.resolve(record) {
            Resolved::Page(page) => self.pages.waiting.push(page),
            Resolved::Slab(slab) => self.slabs.waiting.push(slab),
            Resolved::Frag(frag) => self.frags.waiting.push(frag),
            Resolved::Reclaim(reclaim) => self.reclaims.waiting.push(reclaim),
            Resolved::Task(task) => self.tasks.waiting.push(task),
            Resolved::Name => {}
        }
    }

    /// Records that came out of the rings so far, but for those that only name something.
    pub fn received(&self) -> u64 {
        let Self { pages, slabs, frags, reclaims, tasks, account, .. } = self;
        (pages.len() + slabs.len() + frags.len() + reclaims.len() + tasks.len()) as u64 + account.settled()
    }

    /// Begins a trace: who runs, and every name that is known so far.
    ///
    /// # Errors
    /// The writer's.
    pub fn begin(&mut self, writer: &mut Writer) -> Result<(), Error> {
        self.resolver.begin_again();
        self.resolver.write_names(writer)?;
        writer.append(&self.resolver.tasks()).map_err(|(error, _)| error.into())
    }

    /// Writes every record before `horizon`, in time order: no ring can hold an earlier one.
    ///
    /// # Errors
    /// The first error of the writer; records that it could not write count as lost.
    pub fn write(&mut self, horizon: u64, writer: &mut Writer) -> Result<(), Error> {
        let Self { resolver, pages, slabs, frags, reclaims, tasks, account } = self;
        let due = tasks.due(horizon);
        let rows: Vec<Vec<Task>> = due.iter().map(|task| resolver.task(task)).collect();
        slabs.due(horizon).iter_mut().for_each(|slab| resolver.name_cache(slab));
        let result = resolver.write_names(writer);
        let result = result.and(tasks.settle(horizon, account, |_| append_grouped(writer, &rows)));
        let result = result.and(pages.settle(horizon, account, |pages| writer.append(pages)));
        let result = result.and(slabs.settle(horizon, account, |slabs| writer.append(slabs)));
        let result = result.and(frags.settle(horizon, account, |frags| writer.append(frags)));
        Ok(result.and(reclaims.settle(horizon, account, |reclaims| writer.append(reclaims)))?)
    }

    /// Keeps every record before `horizon` in memory, and shows each to `see`.
    pub fn hold(&mut self, horizon: u64, mut see: impl FnMut(Seen<'_>)) {
        let Self { resolver, pages, slabs, frags, reclaims, tasks, .. } = self;
        slabs.due(horizon).iter_mut().for_each(|slab| resolver.name_cache(slab));
        pages.hold(horizon, |page| see(Seen::Page(page)));
        reclaims.hold(horizon, |reclaim| see(Seen::Reclaim(reclaim)));
        slabs.hold(horizon, |_| {});
        frags.hold(horizon, |_| {});
        tasks.hold(horizon, |_| {});
    }

    /// Lets go what is kept from before `since`; and of what is kept up to `horizon` the oldest, where it takes more than `most` bytes together.
    pub fn let_go(&mut self, since: u64, horizon: u64, most: usize) {
        let Self { resolver, pages, slabs, frags, reclaims, tasks, account } = self;
        let bytes = |pages: &Queue<_>, slabs: &Queue<_>, frags: &Queue<_>| pages.held_bytes() + slabs.held_bytes() + frags.held_bytes();
        let (mut since, step) = (since, horizon.saturating_sub(since) / 16 + 1);
        loop {
            pages.let_go(since, account, |_| {});
            slabs.let_go(since, account, |_| {});
            frags.let_go(since, account, |_| {});
            reclaims.let_go(since, account, |_| {});
            tasks.let_go(since, account, |task| drop(resolver.task(task)));
            if bytes(pages, slabs, frags) <= most || since >= horizon {
                break;
            }
            since += step;
        }
    }

    /// The time of the oldest record that is kept.
    pub fn held_since(&self) -> Option<u64> {
        let Self { pages, slabs, frags, reclaims, .. } = self;
        let times = [pages.held_since(), slabs.held_since(), frags.held_since(), reclaims.held_since()];
        times.into_iter().flatten().min()
    }

    /// Writes all that is kept into a trace of its own. The ledger then counts what went into earlier ones as filtered.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn dump(&mut self, writer: &mut Writer) -> Result<(), Error> {
        self.account.begin_again();
        self.begin(writer)?;
        let Self { resolver, pages, slabs, frags, reclaims, tasks, account } = self;
        let rows: Vec<Vec<Task>> = tasks.held.iter().map(|task| resolver.task(task)).collect();
        let result = resolver.write_names(writer);
        let result = result.and(tasks.dump(account, |_| append_grouped(writer, &rows)));
        let result = result.and(pages.dump(account, |pages| writer.append(pages)));
        let result = result.and(slabs.dump(account, |slabs| writer.append(slabs)));
        let result = result.and(frags.dump(account, |frags| writer.append(frags)));
        Ok(result.and(reclaims.dump(account, |reclaims| writer.append(reclaims)))?)
    }

    /// Rows written so far, of all programs.
    pub fn written(&self) -> u64 {
        self.account.written.iter().flatten().sum()
    }

    /// The ledger's lines about one program, from what the kernel counted on each CPU.
    pub fn ledger(&self, time: u64, program: Program, counters: &[Counters], missed: u64) -> Vec<Ledger> {
        let name = || program.name().to_owned();
        let at = |account: &[Vec<u64>], cpu: usize| account[program as usize].get(cpu).copied().unwrap_or(0);
        let per_cpu = counters.iter().enumerate().filter(|(_, counters)| counters.seen > 0);
        let mut rows: Vec<_> = per_cpu
            .map(|(cpu, counters)| Ledger {
                time,
                cpu: cpu as u16,
                program: name(),
                seen: counters.seen,
                written: at(&self.account.written, cpu),
                dropped: counters.dropped + at(&self.account.lost, cpu),
                filtered: counters.filtered + at(&self.account.let_go, cpu),
                missed: 0,
            })
            .collect();
        rows.push(Ledger { time, cpu: Ledger::ALL_CPUS, program: name(), seen: 0, written: 0, dropped: 0, filtered: 0, missed });
        rows
    }
}

/// A record that is shown while it is kept.
#[derive(Debug, Clone, Copy)]
pub enum Seen<'a> {
    /// pages
    Page(&'a PageEvent),
    /// reclaim and its like
    Reclaim(&'a ReclaimEvent),
}

/// Writes the rows of several records, each of which may have made several; on failure tells how many records at the end are not in the trace.
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
