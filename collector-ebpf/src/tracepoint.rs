//! Programs that read the record which the kernel made for ftrace, at the offsets that its `format` file gives: for kernels
//! whose tracepoints have other arguments than ours; and, everywhere, for the tasks, whose rate is low.
//!
//! Here a page comes as its frame number.

use aya_ebpf::{macros::tracepoint, programs::TracePointContext};
use trace::{Kind, PageEvent, Program, SlabEvent, TaskRecord, UNKNOWN_ZONE};

use crate::{
    emit::{Common, emit},
    filter::Current,
    maps::{setting, settings},
};

settings! {
    /// Byte offsets in the records, from the `format` files.
    PAGE_ALLOC_PFN: u32;
    PAGE_ALLOC_ORDER: u32;
    PAGE_ALLOC_GFP_FLAGS: u32;
    PAGE_ALLOC_MIGRATETYPE: u32;
    PAGE_FREE_PFN: u32;
    PAGE_FREE_ORDER: u32;
    KMALLOC_CALL_SITE: u32;
    KMALLOC_PTR: u32;
    KMALLOC_BYTES_REQ: u32;
    KMALLOC_BYTES_ALLOC: u32;
    KMALLOC_GFP_FLAGS: u32;
    /// 0 where the kernel reports no node.
    KMALLOC_NODE: u32;
    KFREE_CALL_SITE: u32;
    KFREE_PTR: u32;
    TASK_NEWTASK_PID: u32;
    TASK_NEWTASK_COMM: u32;
    TASK_NEWTASK_CLONE_FLAGS: u32;
    TASK_RENAME_PID: u32;
    TASK_RENAME_NEWCOMM: u32;
}

/// The new task is a thread of its maker's process (include/uapi/linux/sched.h).
const CLONE_THREAD: u64 = 0x0001_0000;

/// The field at a setting's offset; 0 if the kernel will not let us read it, which the verifier rules out for constant offsets.
#[inline(always)]
fn field<T: Default>(ctx: &TracePointContext, offset: &'static u32) -> T {
    // SAFETY: `read_at` asks the kernel to copy; it fails outside of the record's memory.
    unsafe { ctx.read_at(setting(offset) as usize) }.unwrap_or_default()
}

#[tracepoint]
pub fn tp_page_alloc(ctx: TracePointContext) -> u32 {
    let (current, order, gfp) = (Current::get(), field::<u32>(&ctx, &PAGE_ALLOC_ORDER), field::<u32>(&ctx, &PAGE_ALLOC_GFP_FLAGS));
    emit(Program::PageAlloc, current.wants_page_alloc(order, gfp), |Common { time, cpu }| PageEvent {
        time,
        pid: current.pid,
        cpu,
        kind: Kind::PageAlloc as u8,
        order: order as u8,
        pfn: field(&ctx, &PAGE_ALLOC_PFN),
        gfp,
        migratetype: field::<u32>(&ctx, &PAGE_ALLOC_MIGRATETYPE) as u8,
        zone: UNKNOWN_ZONE,
    });
    0
}

#[tracepoint]
pub fn tp_page_free(ctx: TracePointContext) -> u32 {
    let (current, order) = (Current::get(), field::<u32>(&ctx, &PAGE_FREE_ORDER));
    emit(Program::PageFree, current.wants_page_free(order), |Common { time, cpu }| PageEvent {
        time,
        pid: current.pid,
        cpu,
        kind: Kind::PageFree as u8,
        order: order as u8,
        pfn: field(&ctx, &PAGE_FREE_PFN),
        gfp: 0,
        migratetype: u8::MAX,
        zone: UNKNOWN_ZONE,
    });
    0
}

#[tracepoint]
pub fn tp_kmalloc(ctx: TracePointContext) -> u32 {
    let (current, bytes_req, gfp) = (Current::get(), field::<u64>(&ctx, &KMALLOC_BYTES_REQ), field::<u32>(&ctx, &KMALLOC_GFP_FLAGS));
    emit(Program::Kmalloc, current.wants_kmalloc(bytes_req, gfp), |Common { time, cpu }| SlabEvent {
        time,
        pid: current.pid,
        cpu,
        kind: Kind::Kmalloc as u8,
        object: field(&ctx, &KMALLOC_PTR),
        call_site: field(&ctx, &KMALLOC_CALL_SITE),
        bytes_req: bytes_req.min(u64::from(u32::MAX)) as u32,
        bytes_alloc: field::<u64>(&ctx, &KMALLOC_BYTES_ALLOC).min(u64::from(u32::MAX)) as u32,
        gfp,
        node: if setting(&KMALLOC_NODE) == 0 { -1 } else { field::<i32>(&ctx, &KMALLOC_NODE) as i16 },
        cache: 0,
    });
    0
}

#[tracepoint]
pub fn tp_kfree(ctx: TracePointContext) -> u32 {
    let current = Current::get();
    emit(Program::Kfree, current.wants_kfree(), |Common { time, cpu }| SlabEvent {
        time,
        pid: current.pid,
        cpu,
        kind: Kind::Kfree as u8,
        object: field(&ctx, &KFREE_PTR),
        call_site: field(&ctx, &KFREE_CALL_SITE),
        bytes_req: 0,
        bytes_alloc: 0,
        gfp: 0,
        node: -1,
        cache: 0,
    });
    0
}

#[tracepoint]
pub fn task_newtask(ctx: TracePointContext) -> u32 {
    let child = field::<u32>(&ctx, &TASK_NEWTASK_PID);
    let thread = field::<u64>(&ctx, &TASK_NEWTASK_CLONE_FLAGS) & CLONE_THREAD != 0;
    let tgid = if thread { Current::get().tgid } else { child };
    let comm = field(&ctx, &TASK_NEWTASK_COMM);
    emit(Program::TaskNew, true, |Common { time, cpu }| TaskRecord {
        time,
        pid: child,
        cpu,
        kind: Kind::Task as u8,
        program: Program::TaskNew as u8,
        tgid,
        comm,
    });
    0
}

/// A task renames itself (`exec`, `prctl`), or another one: then its process is unknown here, 0.
#[tracepoint]
pub fn task_rename(ctx: TracePointContext) -> u32 {
    let renamed = field::<u32>(&ctx, &TASK_RENAME_PID);
    let current = Current::get();
    let tgid = if renamed == current.pid { current.tgid } else { 0 };
    let comm = field(&ctx, &TASK_RENAME_NEWCOMM);
    emit(Program::TaskRename, true, |Common { time, cpu }| TaskRecord {
        time,
        pid: renamed,
        cpu,
        kind: Kind::Task as u8,
        program: Program::TaskRename as u8,
        tgid,
        comm,
    });
    0
}
