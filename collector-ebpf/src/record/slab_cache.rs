//! The slab caches' own calls. Their arguments name the cache by its address, as ftrace's records do not on every
//! kernel. The name of a cache and the size of its objects are read from the cache once, and reach user space in a
//! record of their own.

use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};
use trace::{CacheRecord, Kind, Program, SlabEvent};

use crate::{
    filter::{Current, gfp_wanted, sampled},
    kmem_cache::{name, sizes},
    maps::CACHES,
    ring::{Common, emit, emit_uncounted},
};

/// `kmem_cache_alloc(unsigned long call_site, const void *ptr, struct kmem_cache *s, gfp_t gfp_flags, int node)`
#[raw_tracepoint(tracepoint = "kmem_cache_alloc")]
pub fn cache_alloc(ctx: RawTracePointContext) -> i32 {
    let (call_site, object, cache, gfp, node) = (ctx.arg(0), ctx.arg(1), ctx.arg(2), ctx.arg(3), ctx.arg::<i32>(4));
    emit_cache(Program::CacheAlloc, gfp_wanted(gfp), call_site, object, cache, gfp, node as i16);
    0
}

/// `kmem_cache_free(unsigned long call_site, const void *ptr, const struct kmem_cache *s)`
#[raw_tracepoint(tracepoint = "kmem_cache_free")]
pub fn cache_free(ctx: RawTracePointContext) -> i32 {
    emit_cache(Program::CacheFree, true, ctx.arg(0), ctx.arg(1), ctx.arg(2), 0, -1);
    0
}

/// Emits an event of a cache, after the record that introduces the cache if this is the first event of it.
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
        // The address of the cache, in two halves: user space replaces it by the sizes when it knows the cache.
        bytes_req: cache as u32,
        bytes_alloc: (cache >> 32) as u32,
        gfp,
        node,
        cache: 0,
    });
}

/// Tells user space what this cache is. Where the ring had no room, the next event of the cache tries again.
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
