//! Between the rings and the trace: events of all CPUs in one time order, and the account of what became of each.

mod account;
mod batch;
mod queue;

use std::sync::{Arc, Mutex};

use trace::{Counters, FragEvent, Ledger, PageEvent, Program, ReclaimEvent, SlabEvent, TaskRecord};

pub use self::batch::{Batch, Names, Pen};
use self::{account::Account, queue::Queue};
use crate::{
    bpf::Record,
    resolve::{Resolved, Resolver},
};

/// Collects records and gives them out in time order, at once or after a while.
pub struct Journal {
    resolver: Resolver,
    pages: Queue<PageEvent>,
    slabs: Queue<SlabEvent>,
    frags: Queue<FragEvent>,
    reclaims: Queue<ReclaimEvent>,
    tasks: Queue<TaskRecord>,
    /// records that came out of the rings, but for those that only name something
    received: u64,
    /// of those that were given out, too: whoever writes them counts them
    account: Arc<Mutex<Account>>,
}

impl Journal {
    /// An empty one.
    pub fn new(resolver: Resolver, cpus: usize) -> Self {
        let account = Arc::new(Mutex::new(Account::new(cpus)));
        let (pages, slabs, frags, reclaims, tasks) = Default::default();
        Self { resolver, pages, slabs, frags, reclaims, tasks, received: 0, account }
    }

    /// Takes a record out of a ring.
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

    /// Records that came out of the rings so far, but for those that only name something.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// What a trace begins with: who runs, and every name that is known so far.
    pub fn beginning(&mut self) -> Batch {
        self.resolver.begin_again();
        Batch { running: self.resolver.tasks(), ..self.batch() }
    }

    /// An empty one, but for the names of what may follow.
    fn batch(&mut self) -> Batch {
        let (running, tasks, task_rows, pages, slabs, frags, reclaims) = Default::default();
        Batch {
            account: Arc::clone(&self.account),
            names: self.resolver.names(),
            running,
            tasks,
            task_rows,
            pages,
            slabs,
            frags,
            reclaims,
        }
    }

    /// Every record before `horizon`, in time order: no ring can hold an earlier one.
    pub fn due(&mut self, horizon: u64) -> Batch {
        let (tasks, mut slabs) = (self.tasks.take_due(horizon), self.slabs.take_due(horizon));
        let task_rows = tasks.iter().map(|task| self.resolver.task(task)).collect();
        for slab in &mut slabs {
            self.resolver.name_cache(slab);
        }
        let (pages, frags, reclaims) =
            (self.pages.take_due(horizon), self.frags.take_due(horizon), self.reclaims.take_due(horizon));
        Batch { tasks, task_rows, pages, slabs, frags, reclaims, ..self.batch() }
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

    /// Lets go what is kept from before `since`; and of what is kept up to `horizon` the oldest, where it takes more
    /// than `most` bytes together.
    pub fn let_go(&mut self, since: u64, horizon: u64, most: usize) {
        let Self { resolver, pages, slabs, frags, reclaims, tasks, account, .. } = self;
        let account = &mut *Account::lock(account);
        let bytes = |pages: &Queue<_>, slabs: &Queue<_>, frags: &Queue<_>| {
            pages.held_bytes() + slabs.held_bytes() + frags.held_bytes()
        };
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

    /// All that is kept, for a trace of its own. The ledger then counts what went into earlier ones as filtered.
    pub fn held(&mut self) -> Batch {
        Account::lock(&self.account).begin_again();
        let beginning = self.beginning();
        let tasks = self.tasks.take_held();
        let task_rows = tasks.iter().map(|task| self.resolver.task(task)).collect();
        let (pages, slabs) = (self.pages.take_held(), self.slabs.take_held());
        let (frags, reclaims) = (self.frags.take_held(), self.reclaims.take_held());
        let mut batch = Batch { tasks, task_rows, pages, slabs, frags, reclaims, ..beginning };
        // Those of the tasks' cgroups.
        batch.names.extend(self.resolver.names());
        batch
    }

    /// The ledger's lines about one program, from what the kernel counted on each CPU.
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
                filtered: counters.filtered + at(&account.let_go, cpu),
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

/// A record that is shown while it is kept.
#[derive(Debug, Clone, Copy)]
pub enum Seen<'a> {
    /// pages
    Page(&'a PageEvent),
    /// reclaim and its like
    Reclaim(&'a ReclaimEvent),
}
