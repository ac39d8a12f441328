//! Which process and name a thread had when an event happened.

use std::collections::HashMap;

use trace::{Problem, Task, Trace};

use crate::fast_hash::NumberMap;

/// The number of a task that the trace does not name.
pub(crate) const UNKNOWN: u32 = u32::MAX;

/// The threads of a trace. Events refer to them by [`Tasks::at`]'s number.
pub(crate) struct Tasks {
    /// per pid, from when it was whom: numbers into `named`
    history: NumberMap<u32, Vec<(u64, u32)>>,
    /// process and number of the name, per task
    named: Vec<(u32, u32)>,
    comms: Vec<String>,
}

impl Tasks {
    pub fn read(trace: &Trace, problems: &mut Vec<Problem>) -> Self {
        let mut tasks = Self { history: NumberMap::default(), named: Vec::new(), comms: Vec::new() };
        let (mut comm_numbers, mut task_numbers) = (HashMap::new(), HashMap::new());
        let mut rows = trace.all::<Task>(problems);
        rows.sort_by_key(|row| row.time);
        for Task { time, pid, tgid, comm } in rows {
            let comm = *comm_numbers.entry(comm).or_insert_with_key(|comm| {
                tasks.comms.push(comm.clone());
                tasks.comms.len() as u32 - 1
            });
            let task = *task_numbers.entry((tgid, comm)).or_insert_with(|| {
                tasks.named.push((tgid, comm));
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

    /// Who `pid` was at `time`. Events that are older than the first row about their thread belong to that one.
    pub fn at(&self, pid: u32, time: u64) -> u32 {
        let Some(history) = self.history.get(&pid) else { return UNKNOWN };
        let later = history.partition_point(|(from, _)| *from <= time);
        history[later.max(1) - 1].1
    }

    /// The process of a task and the number of its name.
    pub fn process_and_comm(&self, task: u32) -> (u32, u32) {
        self.named.get(task as usize).copied().unwrap_or((UNKNOWN, UNKNOWN))
    }

    pub fn comm(&self, comm: u32) -> Option<&str> {
        self.comms.get(comm as usize).map(String::as_str)
    }
}
