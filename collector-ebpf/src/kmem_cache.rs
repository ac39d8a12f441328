//! The slab caches' own calls. Their arguments name the cache by its address, as no record of ftrace's does on every
//! kernel; what it is called and how large its objects are is read from it once, and told to user space with a record
//! of its own.

use aya_ebpf::{
    helpers::{bpf_probe_read_kernel, bpf_probe_read_kernel_str_bytes},
    macros::raw_tracepoint,
    programs::RawTracePointContext,
};
use trace::{CacheRecord, Kind, Program, SlabEvent};

use crate::{
    emit::{Common, emit, tell},
    filter::{Current, gfp_wanted, sampled},
    maps::{CACHES, setting, settings},
};

settings! {
    /// Byte offsets in `struct kmem_cache`, from the kernel's type information.
    KMEM_CACHE_NAME: u32;
    KMEM_CACHE_OBJECT_SIZE: u32;
    KMEM_CACHE_SIZE: u32;
}

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
        // The cache's address, in two halves: user space puts the sizes here when it knows the cache.
        bytes_req: cache as u32,
        bytes_alloc: (cache >> 32) as u32,
        gfp,
        node,
        cache: 0,
    });
}

/// Tells what this cache is. Where the ring had no room, the next event of the cache tries again.
#[inline(always)]
fn introduce(cache: u64) {
    let told = tell(|Common { time, pid, cpu }| {
        let ((size, object_size), name) = (sizes(cache), name(cache));
        CacheRecord { time, pid, cpu, kind: Kind::Cache as u8, address: cache, object_size, size, name }
    });
    if told {
        let _full = CACHES.insert(cache, 1, 0);
    }
}

/// Bytes that an object takes, and that it is asked for; 0 where they cannot be read.
#[inline(always)]
pub fn sizes(cache: u64) -> (u32, u32) {
    let (size, object_size) = (setting(&KMEM_CACHE_SIZE), setting(&KMEM_CACHE_OBJECT_SIZE));
    let at = |offset: u32| cache + u64::from(offset);
    // SAFETY: the kernel copies, and fails where there is nothing to copy.
    unsafe {
        // On the kernels that we know they are neighbours, and one copy takes half the time of two.
        if object_size == size + 4 {
            let both = bpf_probe_read_kernel(at(size) as *const u64).unwrap_or(0);
            return (both as u32, (both >> 32) as u32);
        }
        (
            bpf_probe_read_kernel(at(size) as *const u32).unwrap_or(0),
            bpf_probe_read_kernel(at(object_size) as *const u32).unwrap_or(0),
        )
    }
}

/// Its name, ended by the first 0; empty where it cannot be read.
#[inline(always)]
pub fn name(cache: u64) -> [u8; 32] {
    let mut name = [0; 32];
    // SAFETY: as above.
    unsafe {
        let pointer = bpf_probe_read_kernel((cache + u64::from(setting(&KMEM_CACHE_NAME))) as *const u64).unwrap_or(0);
        let _none = bpf_probe_read_kernel_str_bytes(pointer as *const u8, &mut name).is_err();
    }
    name
}
