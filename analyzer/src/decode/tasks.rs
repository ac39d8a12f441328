//! The threads of a trace, with the process, name and cgroup that each of them had when an event happened.

use std::collections::HashMap;

use trace::{Problem, Task, Trace};

use crate::fast_hash::NumberMap;

/// The number of a task that the trace does not name.
pub(crate) const UNKNOWN: u32 = u32::MAX;

/// The process, name and cgroup of a task. A thread becomes another task when its name, its process or its cgroup
/// changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Named {
    pub process: u32,
    /// The number of the thread's name.
    pub comm: u32,
    /// The number of the cgroup.
    pub cgroup: u64,
}

/// The number of threads that [`Recent`] remembers.
const RECENT: usize = 64;

/// A cache over [`Tasks`]. It saves most look-ups, since most events come from few threads.
pub(crate) struct Recent<'a> {
    tasks: &'a Tasks,
    /// By the pid modulo [`RECENT`]: the pid, the times (ns) from and until which it was a task, and the task's number.
    known: [(u32, u64, u64, u32); RECENT],
}

impl Recent<'_> {
    /// Returns the number of the task that `pid` was at `time`.
    pub fn at(&mut self, pid: u32, time: u64) -> u32 {
        let slot = &mut self.known[pid as usize % RECENT];
        if slot.0 != pid || time < slot.1 || time >= slot.2 {
            let (from, until, task) = self.tasks.span(pid, time);
            *slot = (pid, from, until, task);
        }
        slot.3
    }
}

/// The threads of a trace. Events refer to them by the number that [`Recent::at`] gives.
pub(crate) struct Tasks {
    /// By pid: the times (ns) from which the thread was a task, each with the task's index into `named`.
    history: NumberMap<u32, Vec<(u64, u32)>>,
    named: Vec<Named>,
    comms: Vec<String>,
}

impl Tasks {
    /// Reads the table of tasks. Damage to it is added to `problems`.
    pub fn read(trace: &Trace, problems: &mut Vec<Problem>) -> Self {
        let mut tasks = Self { history: NumberMap::default(), named: Vec::new(), comms: Vec::new() };
        let (mut comm_numbers, mut task_numbers) = (HashMap::new(), HashMap::new());
        let mut rows = trace.all::<Task>(problems);
        rows.sort_by_key(|row| row.time);
        for Task { time, pid, tgid, comm, cgroup } in rows {
            let comm = *comm_numbers.entry(comm).or_insert_with_key(|comm| {
                tasks.comms.push(comm.clone());
                tasks.comms.len() as u32 - 1
            });
            let named = Named { process: tgid, comm, cgroup };
            let task = *task_numbers.entry(named).or_insert_with(|| {
                tasks.named.push(named);
                tasks.named.len() as u32 - 1
            });
            let history = tasks.history.entry(pid).or_default();
            // Every CPU reports the threads that it meets, so most rows say nothing new.
            if history.last().is_none_or(|(_, last)| *last != task) {
                history.push((time, task));
            }
        }
        tasks
    }

    /// Returns the span of time (ns) around `time` in which the thread was one task, and that task's number. Events
    /// that are older than the first row about their thread belong to that row's task.
    fn span(&self, pid: u32, time: u64) -> (u64, u64, u32) {
        let Some(history) = self.history.get(&pid) else { return (0, u64::MAX, UNKNOWN) };
        let later = history.partition_point(|(from, _)| *from <= time).max(1);
        let from = if later == 1 { 0 } else { history[later - 1].0 };
        (from, history.get(later).map_or(u64::MAX, |(next, _)| *next), history[later - 1].1)
    }

    /// Returns the number of the task that `pid` was at `time`.
    pub fn at(&self, pid: u32, time: u64) -> u32 {
        self.span(pid, time).2
    }

    /// Returns a cached look-up for events in time order, most of which come from few threads.
    pub fn recent(&self) -> Recent<'_> {
        Recent { tasks: self, known: [(u32::MAX, 0, 0, UNKNOWN); RECENT] }
    }

    /// Returns the process, name and cgroup of a task.
    pub fn named(&self, task: u32) -> Named {
        self.named.get(task as usize).copied().unwrap_or(Named { process: UNKNOWN, comm: UNKNOWN, cgroup: 0 })
    }

    /// Returns the name of a thread by the name's number.
    pub fn comm(&self, comm: u32) -> Option<&str> {
        self.comms.get(comm as usize).map(String::as_str)
    }
}
