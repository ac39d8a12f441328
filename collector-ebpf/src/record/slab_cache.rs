//! The programs for `kmem_cache_alloc` and `kmem_cache_free`. They read the arguments, which hold the address of the
//! cache; ftrace's records do not identify the cache on every kernel. The name of a cache and the size of its objects
//! are read from the cache once, and reach user space in a record of their own.

use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};
use trace::{CacheRecord, Kind, Program, SlabEvent};

use crate::{
    filter::{Current, gfp_wanted, sampled},
    kmem_cache::{name, sizes},
    maps::CACHES,
    ring::{Common, emit, emit_uncounted},
};

/// Runs at `kmem_cache_alloc(unsigned long call_site, const void *ptr, struct kmem_cache *s, gfp_t gfp_flags, int
/// node)`.
#[raw_tracepoint(tracepoint = "kmem_cache_alloc")]
pub fn cache_alloc(ctx: RawTracePointContext) -> i32 {
    let (call_site, object, cache, gfp, node) = (ctx.arg(0), ctx.arg(1), ctx.arg(2), ctx.arg(3), ctx.arg::<i32>(4));
    emit_cache(Program::CacheAlloc, gfp_wanted(gfp), call_site, object, cache, gfp, node as i16);
    0
}

/// Runs at `kmem_cache_free(unsigned long call_site, const void *ptr, const struct kmem_cache *s)`.
#[raw_tracepoint(tracepoint = "kmem_cache_free")]
pub fn cache_free(ctx: RawTracePointContext) -> i32 {
    emit_cache(Program::CacheFree, true, ctx.arg(0), ctx.arg(1), ctx.arg(2), 0, -1);
    0
}

/// Emits an event of a cache. If it is the cache's first event, the cache's own record comes before it.
#[inline(always)]
fn emit_cache(program: Program, gfp_wanted: bool, call_site: u64, object: u64, cache: u64, gfp: u32, node: i16) {
    let wanted = gfp_wanted && sampled(object);
    if wanted && Current::get().wanted() && CACHES.get_ptr(cache).is_none() {
        introduce(cache);
    }
    emit(program, wanted, |Common { time, pid, cpu }| SlabEvent {
        time,
        pid,
        cpu,
        kind: program.kind() as u8,
        object,
        call_site,
        // The two sizes hold the halves of the cache's address until user space, which knows the cache, replaces them
        // with the sizes.
        bytes_req: cache as u32,
        bytes_alloc: (cache >> 32) as u32,
        gfp,
        node,
        cache: 0,
    });
}

/// Emits the record of a cache. If the ring has no room, the next event of the cache tries again.
#[inline(always)]
fn introduce(cache: u64) {
    let told = emit_uncounted(|Common { time, pid, cpu }| {
        let ((size, object_size), name) = (sizes(cache), name(cache));
        CacheRecord { time, pid, cpu, kind: Kind::Cache as u8, address: cache, object_size, size, name }
    });
    if told {
        let _full = CACHES.insert(cache, 1, 0);
    }
}
