//! The functions that make a record from the arguments of a tracepoint, if the filter wants the event. They do not
//! depend on where the arguments were read.

use aya_ebpf::EbpfContext;
use trace::{FragEvent, Kind, NO_MIGRATETYPE, PageEvent, Program, ReclaimEvent, SlabEvent, UNKNOWN_ZONE};

use crate::{
    filter::{gfp_wanted, order_wanted, sampled, size_wanted},
    ring::{Common, emit, emit_page, emit_with_own},
};

/// Emits an allocation of pages, or a failed one. `page` is a frame number or the address of the frame's `struct page`;
/// user space knows which.
#[inline(always)]
pub fn page_alloc(ctx: &impl EbpfContext, page: u64, order: u32, gfp: u32, migratetype: u32) {
    let wanted = sampled(page) && order_wanted(order) && gfp_wanted(gfp);
    emit_page(Program::PageAlloc, ctx, wanted, |common| {
        page_event(common, Kind::PageAlloc, page, order, gfp, migratetype as u8)
    });
}

/// Emits a free of pages. `page` is as in [`page_alloc`].
#[inline(always)]
pub fn page_free(ctx: &impl EbpfContext, page: u64, order: u32) {
    let wanted = sampled(page) && order_wanted(order);
    emit_page(Program::PageFree, ctx, wanted, |common| {
        page_event(common, Kind::PageFree, page, order, 0, NO_MIGRATETYPE)
    });
}

#[inline(always)]
fn page_event(
    Common { time, pid, cpu }: Common,
    kind: Kind,
    page: u64,
    order: u32,
    gfp: u32,
    migratetype: u8,
) -> PageEvent {
    PageEvent {
        time,
        pid,
        cpu,
        kind: kind as u8,
        order: order as u8,
        pfn: page,
        gfp,
        migratetype,
        zone: UNKNOWN_ZONE,
        stack: 0,
    }
}

/// The arguments of the tracepoint `kmalloc` (include/trace/events/kmem.h), under the kernel's names but for `object`
/// (`ptr`) and `gfp` (`gfp_flags`).
pub struct Allocation {
    pub call_site: u64,
    pub object: u64,
    pub bytes_req: u64,
    pub bytes_alloc: u64,
    pub gfp: u32,
    pub node: i32,
}

/// Emits an allocation of an object, or a failed one.
#[inline(always)]
pub fn kmalloc(Allocation { call_site, object, bytes_req, bytes_alloc, gfp, node }: Allocation) {
    let wanted = sampled(object) && size_wanted(bytes_req) && gfp_wanted(gfp);
    emit(Program::Kmalloc, wanted, |Common { time, pid, cpu }| SlabEvent {
        time,
        pid,
        cpu,
        kind: Kind::Kmalloc as u8,
        object,
        call_site,
        bytes_req: bytes_req.min(u64::from(u32::MAX)) as u32,
        bytes_alloc: bytes_alloc.min(u64::from(u32::MAX)) as u32,
        gfp,
        node: node as i16,
        cache: 0,
    });
}

/// Emits a free of an object.
#[inline(always)]
pub fn kfree(call_site: u64, object: u64) {
    emit(Program::Kfree, sampled(object), |Common { time, pid, cpu }| SlabEvent {
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
}

/// Emits the removal of a block from a zone's `free_area`. `page` is as in [`page_alloc`].
#[inline(always)]
pub fn zone_locked(page: u64, order: u32, migratetype: u32, percpu_refill: u32) {
    emit_frag(Program::ZoneLocked, sampled(page), page, order, migratetype, percpu_refill);
}

/// Emits the return of a page from a pcp list to its zone. `page` is as in [`page_alloc`].
#[inline(always)]
pub fn pcpu_drain(page: u64, order: u32, migratetype: u32) {
    emit_frag(Program::PcpuDrain, sampled(page), page, order, migratetype, 0);
}

#[inline(always)]
fn emit_frag(program: Program, sampled: bool, page: u64, order: u32, migratetype: u32, percpu_refill: u32) {
    emit_with_own(program, sampled && order_wanted(order), |Common { time, pid, cpu }| FragEvent {
        time,
        pid,
        cpu,
        kind: program.kind() as u8,
        order: order as u8,
        pfn: page,
        migratetype: migratetype as u8,
        zone: UNKNOWN_ZONE,
        fallback_order: u8::MAX,
        fallback_migratetype: NO_MIGRATETYPE,
        change_ownership: 0,
        percpu_refill: percpu_refill as u8,
    });
}

/// The values that a tracepoint of reclaim, compaction, kswapd or the OOM killer reports. [`trace::ReclaimEvent`]
/// documents the meaning of the fields.
pub struct Reclaim {
    pub order: u8,
    pub gfp: u32,
    pub node: i16,
    /// The kernel's number of the zone in its node (`enum zone_type`).
    pub zone: u8,
    pub pfn: u64,
    pub value: i64,
}

/// Emits a step of the kernel's work to get free pages.
#[inline(always)]
pub fn reclaim(program: Program, Reclaim { order, gfp, node, zone, pfn, value }: Reclaim) {
    emit(program, true, |Common { time, pid, cpu }| ReclaimEvent {
        time,
        pid,
        cpu,
        kind: program.kind() as u8,
        order,
        gfp,
        node,
        zone,
        pfn,
        value,
    });
}
