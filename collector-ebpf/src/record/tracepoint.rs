//! The programs of `raw_tracepoint` in a second form, for kernels whose tracepoints have other arguments. They read the
//! record that the kernel makes for ftrace, at the offsets that the tracepoint's `format` file gives.
//!
//! A page is given by its frame number here.

use aya_ebpf::{macros::tracepoint, programs::TracePointContext};

use crate::{
    record::events::{self, Allocation},
    settings::{setting, settings},
};

settings! {
    /// The byte offsets of fields in ftrace's records, from the kernel's `format` files. The names have the form
    /// `PROGRAM_FIELD`.
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
    /// The byte offset of the field, or 0 if the kernel does not report the node.
    KMALLOC_NODE: u32;
    KFREE_CALL_SITE: u32;
    KFREE_PTR: u32;
    ZONE_LOCKED_PFN: u32;
    ZONE_LOCKED_ORDER: u32;
    ZONE_LOCKED_MIGRATETYPE: u32;
    /// The byte offset of the field, or 0 if the kernel does not report it.
    ZONE_LOCKED_PERCPU_REFILL: u32;
    PCPU_DRAIN_PFN: u32;
    PCPU_DRAIN_ORDER: u32;
    PCPU_DRAIN_MIGRATETYPE: u32;
}

/// Returns the field of ftrace's record at the byte offset that a setting holds, or 0 if it cannot be read. The
/// verifier rules that out for constant offsets.
#[inline(always)]
pub fn field<T: Default>(ctx: &TracePointContext, offset: &'static u32) -> T {
    // SAFETY: `read_at` lets the kernel copy, and fails outside of the record's memory.
    unsafe { ctx.read_at(setting(offset) as usize) }.unwrap_or_default()
}

#[tracepoint]
pub fn tp_page_alloc(ctx: TracePointContext) -> u32 {
    let (pfn, order) = (field(&ctx, &PAGE_ALLOC_PFN), field(&ctx, &PAGE_ALLOC_ORDER));
    events::page_alloc(&ctx, pfn, order, field(&ctx, &PAGE_ALLOC_GFP_FLAGS), field(&ctx, &PAGE_ALLOC_MIGRATETYPE));
    0
}

#[tracepoint]
pub fn tp_page_free(ctx: TracePointContext) -> u32 {
    events::page_free(&ctx, field(&ctx, &PAGE_FREE_PFN), field(&ctx, &PAGE_FREE_ORDER));
    0
}

#[tracepoint]
pub fn tp_kmalloc(ctx: TracePointContext) -> u32 {
    events::kmalloc(Allocation {
        call_site: field(&ctx, &KMALLOC_CALL_SITE),
        object: field(&ctx, &KMALLOC_PTR),
        bytes_req: field(&ctx, &KMALLOC_BYTES_REQ),
        bytes_alloc: field(&ctx, &KMALLOC_BYTES_ALLOC),
        gfp: field(&ctx, &KMALLOC_GFP_FLAGS),
        node: if setting(&KMALLOC_NODE) == 0 { -1 } else { field(&ctx, &KMALLOC_NODE) },
    });
    0
}

#[tracepoint]
pub fn tp_kfree(ctx: TracePointContext) -> u32 {
    events::kfree(field(&ctx, &KFREE_CALL_SITE), field(&ctx, &KFREE_PTR));
    0
}

#[tracepoint]
pub fn tp_zone_locked(ctx: TracePointContext) -> u32 {
    let (pfn, order) = (field(&ctx, &ZONE_LOCKED_PFN), field(&ctx, &ZONE_LOCKED_ORDER));
    let percpu_refill =
        if setting(&ZONE_LOCKED_PERCPU_REFILL) == 0 { 0 } else { field(&ctx, &ZONE_LOCKED_PERCPU_REFILL) };
    events::zone_locked(pfn, order, field(&ctx, &ZONE_LOCKED_MIGRATETYPE), percpu_refill);
    0
}

#[tracepoint]
pub fn tp_pcpu_drain(ctx: TracePointContext) -> u32 {
    events::pcpu_drain(
        field(&ctx, &PCPU_DRAIN_PFN),
        field(&ctx, &PCPU_DRAIN_ORDER),
        field(&ctx, &PCPU_DRAIN_MIGRATETYPE),
    );
    0
}
