//! The programs for kernels with BTF: typed arguments, straight from the registers of the traced function.
//!
//! A page comes as a `struct page *` and an object as its kernel address; user space makes frames of both, the addresses stay there.

use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};
use trace::{Kind, PageEvent, Program, SlabEvent, UNKNOWN_ZONE};

use crate::emit::{Common, emit};

/// `mm_page_alloc(struct page *page, unsigned int order, gfp_t gfp_flags, int migratetype)`
#[btf_tracepoint(function = "mm_page_alloc")]
pub fn page_alloc(ctx: BtfTracePointContext) -> i32 {
    let (page, order, gfp, migratetype) = (ctx.arg::<u64>(0), ctx.arg::<u64>(1), ctx.arg::<u64>(2), ctx.arg::<u64>(3));
    emit(Program::PageAlloc, true, |Common { time, pid, cpu }| PageEvent {
        time,
        pid,
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
#[btf_tracepoint(function = "mm_page_free")]
pub fn page_free(ctx: BtfTracePointContext) -> i32 {
    let (page, order) = (ctx.arg::<u64>(0), ctx.arg::<u64>(1));
    emit(Program::PageFree, true, |Common { time, pid, cpu }| PageEvent {
        time,
        pid,
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
#[btf_tracepoint(function = "kmalloc")]
pub fn kmalloc(ctx: BtfTracePointContext) -> i32 {
    let (call_site, object, bytes_req, bytes_alloc) = (ctx.arg::<u64>(0), ctx.arg::<u64>(1), ctx.arg::<u64>(2), ctx.arg::<u64>(3));
    let (gfp, node) = (ctx.arg::<u64>(4), ctx.arg::<u64>(5));
    emit(Program::Kmalloc, true, |Common { time, pid, cpu }| SlabEvent {
        time,
        pid,
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
#[btf_tracepoint(function = "kfree")]
pub fn kfree(ctx: BtfTracePointContext) -> i32 {
    let (call_site, object) = (ctx.arg::<u64>(0), ctx.arg::<u64>(1));
    emit(Program::Kfree, true, |Common { time, pid, cpu }| SlabEvent {
        time,
        pid,
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
