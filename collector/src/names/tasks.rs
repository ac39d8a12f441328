//! The threads and their processes.

use std::collections::BTreeMap;

use trace::{Program, Task, TaskRecord};

use super::cgroups::CgroupNames;
use crate::kernel::monotonic_ns;

/// The process, name and cgroup of each thread, as of the thread's last record. A record holds only what has changed.
pub struct Tasks {
    /// The rows of the threads, by pid.
    known: BTreeMap<u32, Task>,
}

impl Tasks {
    /// Returns every thread of every process that runs now. The eBPF programs report every later thread. A thread that
    /// ends while `/proc` is read is left out.
    pub fn running(cgroups: &mut CgroupNames) -> Self {
        let time = monotonic_ns();
        let idle = Task { time, pid: 0, tgid: 0, comm: "swapper".to_owned(), cgroup: 0 };
        let mut known = BTreeMap::from([(0, idle)]);
        for process in procfs::process::all_processes().into_iter().flatten().flatten() {
            let cgroup = cgroups.of_process(process.pid);
            cgroups.add(cgroup, time);
            for thread in process.tasks().into_iter().flatten().flatten() {
                let Ok(stat) = thread.stat() else { continue };
                let (pid, tgid) = (thread.tid as u32, thread.pid as u32);
                known.insert(pid, Task { time, pid, tgid, comm: stat.comm, cgroup });
            }
        }
        Self { known }
    }

    /// Returns the rows of all known threads.
    pub fn all(&self) -> Vec<Task> {
        self.known.values().cloned().collect()
    }

    /// Applies a record, and returns the rows for it: one, or one for each thread of a process that was moved to
    /// another cgroup.
    pub fn apply(&mut self, record: &TaskRecord, cgroups: &mut CgroupNames) -> Vec<Task> {
        let TaskRecord { time, pid, program, tgid, comm, cgroup, .. } = *record;
        let name = comm.split(|byte| *byte == 0).next().unwrap_or_default();
        let comm = String::from_utf8_lossy(name).into_owned();
        cgroups.add(cgroup, time);
        if program == Program::CgroupAttach as u8 {
            let process = self.known.get(&pid).map_or(pid, |task| task.tgid);
            let moved =
                self.known.values_mut().filter(|task| task.pid == pid || (process == pid && task.tgid == process));
            return moved
                .map(|task| {
                    (task.time, task.cgroup) = (time, cgroup);
                    task.clone()
                })
                .collect();
        }
        // A thread that was renamed by another thread keeps its process and its cgroup.
        let old = self.known.get(&pid).filter(|_| tgid == 0);
        let (tgid, cgroup) = old.map_or((tgid, cgroup), |old| (old.tgid, old.cgroup));
        let task = Task { time, pid, tgid, comm, cgroup };
        self.known.insert(pid, task.clone());
        vec![task]
    }
}
