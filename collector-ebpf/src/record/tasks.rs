//! The programs for threads that are created, renamed, or moved to another cgroup, which give a pid in an event its
//! name. They read ftrace's records, because these events are rare.

use aya_ebpf::{helpers::bpf_get_current_cgroup_id, macros::tracepoint, programs::TracePointContext};
use trace::{Kind, Program, TaskRecord};

use crate::{
    filter::Current,
    record::tracepoint::field,
    ring::{Common, emit_of_any_thread},
    settings::settings,
};

settings! {
    /// The byte offsets of fields in ftrace's records, from the kernel's `format` files. The names have the form
    /// `PROGRAM_FIELD`.
    TASK_NEWTASK_PID: u32;
    TASK_NEWTASK_COMM: u32;
    TASK_NEWTASK_CLONE_FLAGS: u32;
    TASK_RENAME_PID: u32;
    TASK_RENAME_NEWCOMM: u32;
    CGROUP_ATTACH_PID: u32;
    CGROUP_ATTACH_DST_ID: u32;
}

/// The flag of `clone` that makes the new task a thread of its creator's process (include/uapi/linux/sched.h).
const CLONE_THREAD: u64 = 0x0001_0000;

/// Records that the running task has created a task.
#[tracepoint]
pub fn task_newtask(ctx: TracePointContext) -> u32 {
    let child = field::<u32>(&ctx, &TASK_NEWTASK_PID);
    let thread = field::<u64>(&ctx, &TASK_NEWTASK_CLONE_FLAGS) & CLONE_THREAD != 0;
    let tgid = if thread { Current::get().tgid } else { child };
    // A task starts in its creator's cgroup. The cgroup of a task that is created in another one (CLONE_INTO_CGROUP) is
    // recorded when the task is renamed.
    emit_task(Program::TaskNew, child, tgid, field(&ctx, &TASK_NEWTASK_COMM), current_cgroup());
    0
}

/// Records that a task was renamed, by itself (`exec`, `prctl`) or by another task. In the latter case the renamed
/// task's process and cgroup are unknown, and recorded as 0.
#[tracepoint]
pub fn task_rename(ctx: TracePointContext) -> u32 {
    let (renamed, comm, current) =
        (field::<u32>(&ctx, &TASK_RENAME_PID), field(&ctx, &TASK_RENAME_NEWCOMM), Current::get());
    let (tgid, cgroup) = if renamed == current.pid { (current.tgid, current_cgroup()) } else { (0, 0) };
    emit_task(Program::TaskRename, renamed, tgid, comm, cgroup);
    0
}

/// Records that a process was moved to another cgroup. The record holds the pid of the process' first thread, or, for a
/// threaded cgroup, of the thread that was moved.
#[tracepoint]
pub fn cgroup_attach(ctx: TracePointContext) -> u32 {
    emit_task(Program::CgroupAttach, field(&ctx, &CGROUP_ATTACH_PID), 0, [0; 16], field(&ctx, &CGROUP_ATTACH_DST_ID));
    0
}

/// Returns the kernel's number of the cgroup (version 2) of the running thread.
#[inline(always)]
fn current_cgroup() -> u64 {
    // SAFETY: the helper only returns a number.
    unsafe { bpf_get_current_cgroup_id() }
}

/// Emits a [`TaskRecord`], whatever the filter says about the running thread, because events of other threads may need
/// the record.
#[inline(always)]
fn emit_task(program: Program, pid: u32, tgid: u32, comm: [u8; 16], cgroup: u64) {
    emit_of_any_thread(program, |Common { time, cpu, .. }| TaskRecord {
        time,
        pid,
        cpu,
        kind: Kind::Task as u8,
        program: program as u8,
        tgid,
        comm,
        cgroup,
    });
}
