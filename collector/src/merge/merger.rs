//! The queues of all tables: records of all CPUs go in as they come out of the rings, batches in time order come out.

use std::sync::{Arc, Mutex};

use trace::{Counters, FragEvent, Ledger, PageEvent, Program, ReclaimEvent, SlabEvent, TaskRecord};

use super::{
    account::Account,
    batch::Batch,
    queue::Queue,
    resolve::{Resolved, Resolver},
};
use crate::bpf::Record;

/// Merges the records of all CPUs into one time order, and gives them out at once or, for the flight recorder, keeps
/// them for a while.
///
/// Times are in ns of `CLOCK_MONOTONIC`. A *horizon* is a time before which no ring holds a record any more: what is
/// older can be put in its final order.
pub struct Merger {
    resolver: Resolver,
    pages: Queue<PageEvent>,
    slabs: Queue<SlabEvent>,
    frags: Queue<FragEvent>,
    reclaims: Queue<ReclaimEvent>,
    tasks: Queue<TaskRecord>,
    /// records that came out of the rings, without those that only name something
    received: u64,
    /// what became of them; the thread that writes counts, too
    account: Arc<Mutex<Account>>,
}

/// A record that is shown to the flight recorder while it is kept.
#[derive(Debug, Clone, Copy)]
pub enum HeldEvent<'a> {
    /// an allocation or free of pages
    Page(&'a PageEvent),
    /// reclaim, compaction, or the OOM killer
    Reclaim(&'a ReclaimEvent),
}

impl Merger {
    /// A merger without records, for a machine with so many CPUs.
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

    /// How many records came out of the rings so far, without those that only name something.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// The first batch of a trace: the threads that run, and every name that is known so far.
    pub fn first_batch(&mut self) -> Batch {
        self.resolver.start_trace();
        Batch { running: self.resolver.tasks(), ..self.names_only() }
    }

    /// A batch with the names that the trace does not have yet, and no events.
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

    /// Keeps every record before `horizon` in memory, and shows those of pages and reclaim to `inspect`.
    pub fn hold(&mut self, horizon: u64, mut inspect: impl FnMut(HeldEvent<'_>)) {
        let Self { resolver, pages, slabs, frags, reclaims, tasks, .. } = self;
        slabs.due(horizon).iter_mut().for_each(|slab| resolver.fill_in_cache(slab));
        pages.hold(horizon, |page| inspect(HeldEvent::Page(page)));
        reclaims.hold(horizon, |reclaim| inspect(HeldEvent::Reclaim(reclaim)));
        slabs.hold(horizon, |_| {});
        frags.hold(horizon, |_| {});
        tasks.hold(horizon, |_| {});
    }

    /// Drops the kept records from before `since`, and then the oldest of those up to `horizon` while all together take
    /// more than `most` bytes of memory.
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
            // A task's last record stays known to the resolver, which names the tasks at the start of the next trace.
            tasks.evict(since, account, |task| drop(resolver.task(task)));
            if bytes(pages, slabs, frags) <= most || since >= horizon {
                break;
            }
            since += step;
        }
    }

    /// The time of the oldest event that is kept.
    pub fn held_since(&self) -> Option<u64> {
        let Self { pages, slabs, frags, reclaims, .. } = self;
        let times = [pages.held_since(), slabs.held_since(), frags.held_since(), reclaims.held_since()];
        times.into_iter().flatten().min()
    }

    /// Removes all kept records and returns them as the only batch of a trace of its own, in whose ledger the records
    /// of earlier traces count as filtered.
    pub fn take_held(&mut self) -> Batch {
        Account::lock(&self.account).start_trace();
        let first = self.first_batch();
        let tasks = self.tasks.take_held();
        let task_rows = tasks.iter().map(|task| self.resolver.task(task)).collect();
        let (pages, slabs) = (self.pages.take_held(), self.slabs.take_held());
        let (frags, reclaims) = (self.frags.take_held(), self.reclaims.take_held());
        let mut batch = Batch { tasks, task_rows, pages, slabs, frags, reclaims, ..first };
        // The rows of tasks may have named cgroups that were unknown before.
        batch.names.extend(self.resolver.take_names());
        batch
    }

    /// The ledger's rows about one program, one for each CPU where it ran and one for the whole machine, from what the
    /// program counted on each CPU and how often the kernel did not run it.
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
