//! The programs for the most frequent events. They read the arguments with which the kernel calls the tracepoint,
//! without the record that ftrace makes of them.
//!
//! The programs are for raw tracepoints and not for BTF ones, though both run the same way in the kernel, for two
//! reasons. Before about 6.13, the verifier refuses a BTF program that looks at an argument of type `const void *`, as
//! `kmalloc` and `kfree` have. And raw tracepoints need no BTF. The kernel refuses to attach a program that reads more
//! arguments than the tracepoint has.
//!
//! A page is given as a `struct page *`, and an object by its kernel address. User space converts them to frame numbers
//! and physical addresses, and does not write the kernel addresses to the trace.

use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};

use super::events::{self, Allocation};

/// Runs at `mm_page_alloc(struct page *page, unsigned int order, gfp_t gfp_flags, int migratetype)`.
#[raw_tracepoint(tracepoint = "mm_page_alloc")]
pub fn page_alloc(ctx: RawTracePointContext) -> i32 {
    events::page_alloc(&ctx, ctx.arg(0), ctx.arg(1), ctx.arg(2), ctx.arg(3));
    0
}

/// Runs at `mm_page_free(struct page *page, unsigned int order)`.
#[raw_tracepoint(tracepoint = "mm_page_free")]
pub fn page_free(ctx: RawTracePointContext) -> i32 {
    events::page_free(&ctx, ctx.arg(0), ctx.arg(1));
    0
}

/// Runs at `kmalloc(unsigned long call_site, const void *ptr, size_t bytes_req, size_t bytes_alloc, gfp_t gfp_flags,
/// int node)`.
#[raw_tracepoint(tracepoint = "kmalloc")]
pub fn kmalloc(ctx: RawTracePointContext) -> i32 {
    events::kmalloc(Allocation {
        call_site: ctx.arg(0),
        object: ctx.arg(1),
        bytes_req: ctx.arg(2),
        bytes_alloc: ctx.arg(3),
        gfp: ctx.arg(4),
        node: ctx.arg(5),
    });
    0
}

/// Runs at `kfree(unsigned long call_site, const void *ptr)`.
#[raw_tracepoint(tracepoint = "kfree")]
pub fn kfree(ctx: RawTracePointContext) -> i32 {
    events::kfree(ctx.arg(0), ctx.arg(1));
    0
}

/// Runs at `mm_page_alloc_zone_locked(struct page *page, unsigned int order, int migratetype, int percpu_refill)`.
#[raw_tracepoint(tracepoint = "mm_page_alloc_zone_locked")]
pub fn zone_locked(ctx: RawTracePointContext) -> i32 {
    events::zone_locked(ctx.arg(0), ctx.arg(1), ctx.arg(2), ctx.arg(3));
    0
}

/// Runs at `mm_page_pcpu_drain(struct page *page, unsigned int order, int migratetype)`.
#[raw_tracepoint(tracepoint = "mm_page_pcpu_drain")]
pub fn pcpu_drain(ctx: RawTracePointContext) -> i32 {
    events::pcpu_drain(ctx.arg(0), ctx.arg(1), ctx.arg(2));
    0
}
