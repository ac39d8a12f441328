//! The queues of all tables, which take the records of all CPUs as they come out of the rings, and return batches in
//! time order.

use std::sync::{Arc, Mutex};

use trace::{Counters, FragEvent, Ledger, PageEvent, Program, ReclaimEvent, SlabEvent, TaskRecord};

use super::{
    account::Account,
    batch::Batch,
    queue::Queue,
    resolve::{Resolved, Resolver},
};
use crate::bpf::Record;

/// Merges the records of all CPUs into one time order, and returns them at once or, for the flight recorder, keeps them
/// for a while.
///
/// Times are in ns of `CLOCK_MONOTONIC`. A *horizon* is a time such that no ring holds an earlier record any more.
/// Records before the horizon can be put in their final order.
pub struct Merger {
    resolver: Resolver,
    pages: Queue<PageEvent>,
    slabs: Queue<SlabEvent>,
    frags: Queue<FragEvent>,
    reclaims: Queue<ReclaimEvent>,
    tasks: Queue<TaskRecord>,
    /// The number of records that came out of the rings, without those that only name something.
    received: u64,
    /// The account of what became of the records, which the writer thread updates as well.
    account: Arc<Mutex<Account>>,
}

/// A record that is passed to the flight recorder when it is moved to the held records.
#[derive(Debug, Clone, Copy)]
pub enum HeldEvent<'a> {
    /// An allocation or free of pages.
    Page(&'a PageEvent),
    /// An event of reclaim, compaction, or the OOM killer.
    Reclaim(&'a ReclaimEvent),
}

impl Merger {
    /// Returns a merger without records, for a machine with `cpus` CPUs.
    pub fn new(resolver: Resolver, cpus: usize) -> Self {
        let account = Arc::new(Mutex::new(Account::new(cpus)));
        let (pages, slabs, frags, reclaims, tasks) = Default::default();
        Self { resolver, pages, slabs, frags, reclaims, tasks, received: 0, account }
    }

    /// Takes a record that came out of a ring.
    pub fn push(&mut self, record: Record<'_>) {
        self.received += 1;
        match self.resolver.resolve(record) {
            Resolved::Page(page) => self.pages.waiting.push(page),
            Resolved::Slab(slab) => self.slabs.waiting.push(slab),
            Resolved::Frag(frag) => self.frags.waiting.push(frag),
            Resolved::Reclaim(reclaim) => self.reclaims.waiting.push(reclaim),
            Resolved::Task(task) => self.tasks.waiting.push(task),
            Resolved::Name => self.received -= 1,
        }
    }

    /// Returns how many records came out of the rings so far, without those that only name something.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Returns the first batch of a trace, with the threads that run and all names that are known so far.
    pub fn first_batch(&mut self) -> Batch {
        self.resolver.start_trace();
        Batch { running: self.resolver.tasks(), ..self.names_only() }
    }

    /// Returns a batch with the names that the trace does not have yet, and without events.
    fn names_only(&mut self) -> Batch {
        let (running, tasks, task_rows, pages, slabs, frags, reclaims) = Default::default();
        Batch {
            account: Arc::clone(&self.account),
            names: self.resolver.take_names(),
            running,
            tasks,
            task_rows,
            pages,
            slabs,
            frags,
            reclaims,
        }
    }

    /// Removes every record before `horizon` and returns them as a batch.
    pub fn take_due(&mut self, horizon: u64) -> Batch {
        let (tasks, mut slabs) = (self.tasks.take_due(horizon), self.slabs.take_due(horizon));
        let task_rows = tasks.iter().map(|task| self.resolver.task(task)).collect();
        for slab in &mut slabs {
            self.resolver.fill_in_cache(slab);
        }
        let (pages, frags, reclaims) =
            (self.pages.take_due(horizon), self.frags.take_due(horizon), self.reclaims.take_due(horizon));
        Batch { tasks, task_rows, pages, slabs, frags, reclaims, ..self.names_only() }
    }

    /// Keeps every record before `horizon` in memory, and passes those of pages and reclaim to `inspect`.
    pub fn hold(&mut self, horizon: u64, mut inspect: impl FnMut(HeldEvent<'_>)) {
        let Self { resolver, pages, slabs, frags, reclaims, tasks, .. } = self;
        slabs.due(horizon).iter_mut().for_each(|slab| resolver.fill_in_cache(slab));
        pages.hold(horizon, |page| inspect(HeldEvent::Page(page)));
        reclaims.hold(horizon, |reclaim| inspect(HeldEvent::Reclaim(reclaim)));
        slabs.hold(horizon, |_| {});
        frags.hold(horizon, |_| {});
        tasks.hold(horizon, |_| {});
    }

    /// Drops the kept records from before `since`, and then the oldest of those up to `horizon` as long as the kept
    /// records take more than `most` bytes of memory.
    pub fn evict(&mut self, since: u64, horizon: u64, most: usize) {
        let Self { resolver, pages, slabs, frags, reclaims, tasks, account, .. } = self;
        let account = &mut *Account::lock(account);
        let bytes = |pages: &Queue<_>, slabs: &Queue<_>, frags: &Queue<_>| {
            pages.held_bytes() + slabs.held_bytes() + frags.held_bytes()
        };
        let (mut since, step) = (since, horizon.saturating_sub(since) / 16 + 1);
        loop {
            pages.evict(since, account, |_| {});
            slabs.evict(since, account, |_| {});
            frags.evict(since, account, |_| {});
            reclaims.evict(since, account, |_| {});
            // The resolver keeps a task's last record, because it writes all tasks at the start of the next trace.
            tasks.evict(since, account, |task| drop(resolver.task(task)));
            if bytes(pages, slabs, frags) <= most || since >= horizon {
                break;
            }
            since += step;
        }
    }

    /// Returns the time of the oldest event that is kept.
    pub fn held_since(&self) -> Option<u64> {
        let Self { pages, slabs, frags, reclaims, .. } = self;
        let times = [pages.held_since(), slabs.held_since(), frags.held_since(), reclaims.held_since()];
        times.into_iter().flatten().min()
    }

    /// Removes all kept records, and returns them as the only batch of a new trace. In that trace's ledger, the records
    /// of earlier traces count as filtered.
    pub fn take_held(&mut self) -> Batch {
        Account::lock(&self.account).start_trace();
        let first = self.first_batch();
        let tasks = self.tasks.take_held();
        let task_rows = tasks.iter().map(|task| self.resolver.task(task)).collect();
        let (pages, slabs) = (self.pages.take_held(), self.slabs.take_held());
        let (frags, reclaims) = (self.frags.take_held(), self.reclaims.take_held());
        let mut batch = Batch { tasks, task_rows, pages, slabs, frags, reclaims, ..first };
        // The rows of the tasks may refer to cgroups that were unknown before.
        batch.names.extend(self.resolver.take_names());
        batch
    }

    /// Returns the ledger's rows about one program: one for each CPU on which the program ran, and one for the whole
    /// machine. `counters` are the program's counters on each CPU, and `missed` is how often the kernel did not run the
    /// program.
    pub fn ledger(&self, time: u64, program: Program, counters: &[Counters], missed: u64) -> Vec<Ledger> {
        let name = || program.name().to_owned();
        let account = Account::lock(&self.account);
        let at = |account: &[Vec<u64>], cpu: usize| account[program as usize].get(cpu).copied().unwrap_or(0);
        let per_cpu = counters.iter().enumerate().filter(|(_, counters)| counters.seen > 0);
        let mut rows: Vec<_> = per_cpu
            .map(|(cpu, counters)| Ledger {
                time,
                cpu: cpu as u16,
                program: name(),
                seen: counters.seen,
                written: at(&account.written, cpu),
                dropped: counters.dropped + at(&account.lost, cpu),
                filtered: counters.filtered + at(&account.evicted, cpu),
                missed: 0,
            })
            .collect();
        rows.push(Ledger {
            time,
            cpu: Ledger::ALL_CPUS,
            program: name(),
            seen: 0,
            written: 0,
            dropped: 0,
            filtered: 0,
            missed,
        });
        rows
    }
}
