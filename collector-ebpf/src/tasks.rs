//! Who is who: threads that are made, renamed, or moved to another cgroup. Rare, so read from ftrace's records.

use aya_ebpf::{helpers::bpf_get_current_cgroup_id, macros::tracepoint, programs::TracePointContext};
use trace::{Kind, Program, TaskRecord};

use crate::{
    emit::{Common, emit_of_anyone},
    filter::Current,
    maps::settings,
    tracepoint::field,
};

settings! {
    /// Byte offsets in the records, from the `format` files.
    TASK_NEWTASK_PID: u32;
    TASK_NEWTASK_COMM: u32;
    TASK_NEWTASK_CLONE_FLAGS: u32;
    TASK_RENAME_PID: u32;
    TASK_RENAME_NEWCOMM: u32;
    CGROUP_ATTACH_PID: u32;
    CGROUP_ATTACH_DST_ID: u32;
}

/// The new task is a thread of its maker's process (include/uapi/linux/sched.h).
const CLONE_THREAD: u64 = 0x0001_0000;

#[tracepoint]
pub fn task_newtask(ctx: TracePointContext) -> u32 {
    let child = field::<u32>(&ctx, &TASK_NEWTASK_PID);
    let thread = field::<u64>(&ctx, &TASK_NEWTASK_CLONE_FLAGS) & CLONE_THREAD != 0;
    let tgid = if thread { Current::get().tgid } else { child };
    // A task starts in its maker's cgroup; one that is made in another (CLONE_INTO_CGROUP) tells its own when it is
    // renamed.
    emit_task(Program::TaskNew, child, tgid, field(&ctx, &TASK_NEWTASK_COMM), current_cgroup());
    0
}

/// A task renames itself (`exec`, `prctl`), or another one: then its process and its cgroup are unknown here, 0.
#[tracepoint]
pub fn task_rename(ctx: TracePointContext) -> u32 {
    let (renamed, comm, current) =
        (field::<u32>(&ctx, &TASK_RENAME_PID), field(&ctx, &TASK_RENAME_NEWCOMM), Current::get());
    let (tgid, cgroup) = if renamed == current.pid { (current.tgid, current_cgroup()) } else { (0, 0) };
    emit_task(Program::TaskRename, renamed, tgid, comm, cgroup);
    0
}

/// A process is moved: the record names its first thread, or one thread of a threaded cgroup.
#[tracepoint]
pub fn cgroup_attach(ctx: TracePointContext) -> u32 {
    emit_task(Program::CgroupAttach, field(&ctx, &CGROUP_ATTACH_PID), 0, [0; 16], field(&ctx, &CGROUP_ATTACH_DST_ID));
    0
}

#[inline(always)]
fn current_cgroup() -> u64 {
    // SAFETY: gives a number.
    unsafe { bpf_get_current_cgroup_id() }
}

#[inline(always)]
fn emit_task(program: Program, pid: u32, tgid: u32, comm: [u8; 16], cgroup: u64) {
    emit_of_anyone(program, |Common { time, cpu, .. }| TaskRecord {
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
