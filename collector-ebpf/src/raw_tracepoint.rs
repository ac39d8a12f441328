//! The programs for pages and objects: the arguments of the traced call, straight from its registers.
//!
//! Raw tracepoints, not BTF ones, though both run the same way in the kernel: before 6.13 or so its verifier refuses a BTF program that looks at an
//! argument of type `const void *`, as those of `kmalloc` and `kfree` are; and these need no BTF. The kernel refuses to attach a program that
//! reads more arguments than the tracepoint has.
//!
//! A page comes as a `struct page *` and an object as its kernel address; user space makes frames of both, the addresses stay there.

use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};
use trace::{Kind, PageEvent, Program, SlabEvent, UNKNOWN_ZONE};

use crate::{
    emit::{Common, emit},
    filter::Current,
};

/// `mm_page_alloc(struct page *page, unsigned int order, gfp_t gfp_flags, int migratetype)`
#[raw_tracepoint(tracepoint = "mm_page_alloc")]
pub fn page_alloc(ctx: RawTracePointContext) -> i32 {
    let (page, order, gfp, migratetype) = (ctx.arg::<u64>(0), ctx.arg::<u64>(1), ctx.arg::<u64>(2), ctx.arg::<u64>(3));
    let current = Current::get();
    emit(Program::PageAlloc, current.wants_page_alloc(order as u32, gfp as u32), |Common { time, cpu }| PageEvent {
        time,
        pid: current.pid,
        cpu,
        kind: Kind::PageAlloc as u8,
        order: order as u8,
        pfn: page,
        gfp: gfp as u32,
        migratetype: migratetype as u8,
        zone: UNKNOWN_ZONE,
    });
    0
}

/// `mm_page_free(struct page *page, unsigned int order)`
#[raw_tracepoint(tracepoint = "mm_page_free")]
pub fn page_free(ctx: RawTracePointContext) -> i32 {
    let (page, order) = (ctx.arg::<u64>(0), ctx.arg::<u64>(1));
    let current = Current::get();
    emit(Program::PageFree, current.wants_page_free(order as u32), |Common { time, cpu }| PageEvent {
        time,
        pid: current.pid,
        cpu,
        kind: Kind::PageFree as u8,
        order: order as u8,
        pfn: page,
        gfp: 0,
        migratetype: u8::MAX,
        zone: UNKNOWN_ZONE,
    });
    0
}

/// `kmalloc(unsigned long call_site, const void *ptr, size_t bytes_req, size_t bytes_alloc, gfp_t gfp_flags, int node)`
#[raw_tracepoint(tracepoint = "kmalloc")]
pub fn kmalloc(ctx: RawTracePointContext) -> i32 {
    let (call_site, object, bytes_req, bytes_alloc) = (ctx.arg::<u64>(0), ctx.arg::<u64>(1), ctx.arg::<u64>(2), ctx.arg::<u64>(3));
    let (gfp, node) = (ctx.arg::<u64>(4), ctx.arg::<u64>(5));
    let current = Current::get();
    emit(Program::Kmalloc, current.wants_kmalloc(bytes_req, gfp as u32), |Common { time, cpu }| SlabEvent {
        time,
        pid: current.pid,
        cpu,
        kind: Kind::Kmalloc as u8,
        object,
        call_site,
        bytes_req: bytes_req.min(u64::from(u32::MAX)) as u32,
        bytes_alloc: bytes_alloc.min(u64::from(u32::MAX)) as u32,
        gfp: gfp as u32,
        node: node as i16,
        cache: 0,
    });
    0
}

/// `kfree(unsigned long call_site, const void *ptr)`
#[raw_tracepoint(tracepoint = "kfree")]
pub fn kfree(ctx: RawTracePointContext) -> i32 {
    let (call_site, object) = (ctx.arg::<u64>(0), ctx.arg::<u64>(1));
    let current = Current::get();
    emit(Program::Kfree, current.wants_kfree(), |Common { time, cpu }| SlabEvent {
        time,
        pid: current.pid,
        cpu,
        kind: Kind::Kfree as u8,
        object,
        call_site,
        bytes_req: 0,
        bytes_alloc: 0,
        gfp: 0,
        node: -1,
        cache: 0,
    });
    0
}
