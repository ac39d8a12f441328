//! The tasks that exist when recording starts; the eBPF programs report every later one.

use trace::{Task, TaskRecord};

use crate::kernel::monotonic_ns;

/// Every thread of every process. Those that end while we look are left out.
pub fn running() -> Vec<Task> {
    let time = monotonic_ns();
    let processes = procfs::process::all_processes().into_iter().flatten().flatten();
    let threads = processes.flat_map(|process| process.tasks().into_iter().flatten().flatten());
    let mut tasks = vec![Task { time, pid: 0, tgid: 0, comm: "swapper".to_owned() }];
    tasks.extend(threads.filter_map(|thread| {
        let comm = thread.stat().ok()?.comm;
        Some(Task { time, pid: thread.tid as u32, tgid: thread.pid as u32, comm })
    }));
    tasks
}

/// A record as a row.
pub fn row(record: &TaskRecord) -> Task {
    let name = record.comm.split(|byte| *byte == 0).next().unwrap_or_default();
    Task { time: record.time, pid: record.pid, tgid: record.tgid, comm: String::from_utf8_lossy(name).into_owned() }
}
