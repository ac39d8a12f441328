//! Between the rings and the trace: events of all CPUs in one time order, and the account of what became of each.

use trace::{Counters, Kind, Ledger, PageEvent, Program, SlabEvent, TaskRecord, UNKNOWN_ZONE, Writer, Zone};

use crate::{
    Error,
    bpf::{Addresses, Record},
    symbols::Symbols,
    tasks,
};

/// Collects records, turns the kernel's addresses into frames and numbers, and writes rows in time order.
pub struct Journal {
    addresses: Addresses,
    raw_addresses: bool,
    zones: Vec<Zone>,
    last_zone: usize,
    symbols: Symbols,
    // Records that wait for those of other CPUs with earlier times.
    pages: Vec<PageEvent>,
    slabs: Vec<SlabEvent>,
    tasks: Vec<TaskRecord>,
    account: Account,
}

/// What became of the records of each program, on each CPU.
struct Account {
    written: [Vec<u64>; Program::ALL.len()],
    lost: [Vec<u64>; Program::ALL.len()],
}

/// A record that waits.
trait Waiting {
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
waiting!(TaskRecord, |task| usize::from(task.program));

fn program_of(kind: u8) -> usize {
    Kind::from_number(kind).and_then(Program::of).map_or(0, |program| program as usize)
}

impl Journal {
    /// An empty one.
    pub fn new(addresses: Addresses, raw_addresses: bool, zones: Vec<Zone>, symbols: Symbols, cpus: usize) -> Self {
        let account = Account { written: std::array::from_fn(|_| vec![0; cpus]), lost: std::array::from_fn(|_| vec![0; cpus]) };
        let (pages, slabs, tasks) = (Vec::new(), Vec::new(), Vec::new());
        Self { addresses, raw_addresses, zones, last_zone: 0, symbols, pages, slabs, tasks, account }
    }

    /// Takes a record out of a ring.
    pub fn push(&mut self, record: Record) {
        match record {
            Record::Page(mut page) => {
                page.pfn = self.addresses.pfn(page.pfn);
                page.zone = self.zone(page.pfn);
                self.pages.push(page);
            }
            Record::Slab(mut slab) => {
                if !self.raw_addresses {
                    slab.object = self.addresses.physical(slab.object);
                    slab.call_site = self.symbols.id(slab.call_site, slab.time);
                }
                self.slabs.push(slab);
            }
            Record::Task(task) => self.tasks.push(task),
        }
    }

    /// The zone of a frame; the next one is mostly in the same.
    fn zone(&mut self, pfn: u64) -> u8 {
        if !self.zones.get(self.last_zone).is_some_and(|zone| zone.contains(pfn)) {
            let Some(zone) = self.zones.iter().position(|zone| zone.contains(pfn)) else { return UNKNOWN_ZONE };
            self.last_zone = zone;
        }
        self.last_zone as u8
    }

    /// Records that wait.
    pub fn waiting(&self) -> usize {
        self.pages.len() + self.slabs.len() + self.tasks.len()
    }

    /// Records that came out of the rings so far.
    pub fn received(&self) -> u64 {
        self.waiting() as u64 + self.written() + self.account.lost.iter().flatten().sum::<u64>()
    }

    /// Writes every record before `horizon`, in time order: no ring can hold an earlier one.
    ///
    /// # Errors
    /// The first error of the writer; records that it could not write count as lost.
    pub fn write(&mut self, horizon: u64, writer: &mut Writer) -> Result<(), Error> {
        let result = writer.append(&self.symbols.take_new()).map_err(|(error, _)| error);
        let result =
            result.and(self.account.settle(&mut self.tasks, horizon, |tasks| writer.append(&tasks.iter().map(tasks::row).collect::<Vec<_>>())));
        let result = result.and(self.account.settle(&mut self.pages, horizon, |pages| writer.append(pages)));
        Ok(result.and(self.account.settle(&mut self.slabs, horizon, |slabs| writer.append(slabs)))?)
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
                filtered: counters.filtered,
                missed: 0,
            })
            .collect();
        rows.push(Ledger { time, cpu: Ledger::ALL_CPUS, program: name(), seen: 0, written: 0, dropped: 0, filtered: 0, missed });
        rows
    }
}

impl Account {
    /// Has the waiting records before `horizon` written, and counts each as written or lost.
    fn settle<T: Waiting>(
        &mut self,
        waiting: &mut Vec<T>,
        horizon: u64,
        write: impl FnOnce(&[T]) -> Result<(), (trace::Error, usize)>,
    ) -> Result<(), trace::Error> {
        // Each CPU's records are in order but for a few, so this is a merge of sorted runs, which the standard sort detects.
        waiting.sort_by_key(T::time);
        let due = waiting.partition_point(|record| record.time() < horizon);
        let (result, unwritten) = match write(&waiting[..due]) {
            Ok(()) => (Ok(()), 0),
            Err((error, unwritten)) => (Err(error), unwritten),
        };
        for (number, record) in waiting.drain(..due).enumerate() {
            let (program, cpu) = record.origin();
            let account = if number < due - unwritten { &mut self.written } else { &mut self.lost };
            if let Some(count) = account[program].get_mut(usize::from(cpu)) {
                *count += 1;
            }
        }
        result
    }
}
