//! The programs that count events by the columns that were asked for. They use no ring and emit no records, so user
//! space cannot fall behind.
//!
//! An event costs one look-up: in an array if the columns that were asked for have few values, and otherwise in a hash
//! map. All maps are preallocated, because nothing may be allocated inside the allocator. An event that finds no room
//! in the hash map is counted in [`NO_ROOM`].
//!
//! Plain additions to this CPU's own copy of an element are exact. No two programs write to the same element, because
//! the program is part of the index and of the key, and no program interrupts itself.

use aya_ebpf::{
    bindings::BPF_NOEXIST,
    btf_maps::{HashMap, PerCpuArray, PerCpuHashMap},
    helpers::bpf_get_current_comm,
    macros::{btf_map, raw_tracepoint},
    programs::RawTracePointContext,
};
use trace::{MIGRATETYPES, ORDERS, Program, Tally, TallyKey, TallyPlan, UNKNOWN_ZONE, ZONE_SPANS, columns};

use crate::{
    filter::{Current, gfp_wanted, order_wanted, size_wanted},
    kmem_cache,
    settings::{setting, settings},
};

settings! {
    /// Whether there is a filter that events have to pass; 0 means no.
    FILTERED: u32;
}

/// The plan, which says by which columns to count, and in which map.
#[unsafe(no_mangle)]
static PLAN: TallyPlan = TallyPlan::TOTALS;

/// The zone spans: for each zone, the address of its first `struct page`, and the number of bytes that all of the
/// zone's `struct page`s take. User space sets them, the largest zone first.
#[unsafe(no_mangle)]
static ZONE_SPAN: [[u64; 2]; ZONE_SPANS] = [[0; 2]; ZONE_SPANS];

/// The counts by index. User space sets the length of the array before it loads the programs.
#[btf_map]
static TALLIES: PerCpuArray<Tally, 1> = PerCpuArray::new();

/// The counts by key. User space sets the size of the map before it loads the programs.
#[btf_map]
static KEYED_TALLIES: PerCpuHashMap<TallyKey, Tally, 1> = PerCpuHashMap::new();

/// The names of the slab caches in the keys, by the address of the `struct kmem_cache`.
#[btf_map]
static CACHE_NAMES: HashMap<u64, [u8; 32], 1> = HashMap::new();

/// The numbers of events that the filter keeps out, which are in no tally, by [`Program`].
#[btf_map]
static LEFT_OUT: PerCpuArray<u64, { Program::ALL.len() }> = PerCpuArray::new();

/// The counts of events for whose key the map had no room, by [`Program`].
#[btf_map]
static NO_ROOM: PerCpuArray<Tally, { Program::ALL.len() }> = PerCpuArray::new();

/// The values of an event by which it can be counted. The thread's name is not among them, because reading it costs a
/// call.
struct Event {
    program: Program,
    page: u64,
    order: u32,
    migratetype: u32,
    gfp: u32,
    call_site: u64,
    cache: u64,
}

/// An event without values, for the fields that a tracepoint does not have.
const NOTHING: Event = Event {
    program: Program::PageAlloc,
    page: 0,
    order: 0,
    migratetype: MIGRATETYPES - 1,
    gfp: 0,
    call_site: 0,
    cache: 0,
};

/// Runs at `mm_page_alloc(struct page *page, unsigned int order, gfp_t gfp_flags, int migratetype)`.
#[raw_tracepoint(tracepoint = "mm_page_alloc")]
pub fn tally_page_alloc(ctx: RawTracePointContext) -> i32 {
    let (page, order, gfp, migratetype) =
        (ctx.arg::<u64>(0), ctx.arg::<u64>(1) as u32, ctx.arg::<u64>(2) as u32, ctx.arg::<u64>(3) as u32);
    if left_out(Program::PageAlloc, || order_wanted(order) && gfp_wanted(gfp) && Current::get().wanted()) {
        return 0;
    }
    // A NULL page means that the allocation failed.
    let failed = u64::from(page == 0);
    count(
        &Event { page, order, migratetype, gfp, ..NOTHING },
        Tally { events: 1, failures: failed, amount: (1 - failed) << (order & 31), requested: 0 },
    );
    0
}

/// Runs at `mm_page_free(struct page *page, unsigned int order)`.
#[raw_tracepoint(tracepoint = "mm_page_free")]
pub fn tally_page_free(ctx: RawTracePointContext) -> i32 {
    let (page, order) = (ctx.arg::<u64>(0), ctx.arg::<u64>(1) as u32);
    if left_out(Program::PageFree, || order_wanted(order) && Current::get().wanted()) {
        return 0;
    }
    count(
        &Event { program: Program::PageFree, page, order, ..NOTHING },
        Tally { events: 1, failures: 0, amount: 1 << (order & 31), requested: 0 },
    );
    0
}

/// Runs at `kmalloc(unsigned long call_site, const void *ptr, size_t bytes_req, size_t bytes_alloc, gfp_t gfp_flags,
/// int node)`.
#[raw_tracepoint(tracepoint = "kmalloc")]
pub fn tally_kmalloc(ctx: RawTracePointContext) -> i32 {
    let (call_site, object, requested, cache) =
        (ctx.arg::<u64>(0), ctx.arg::<u64>(1), ctx.arg::<u64>(2), ctx.arg::<u64>(3));
    let gfp = ctx.arg::<u64>(4) as u32;
    if left_out(Program::Kmalloc, || size_wanted(requested) && gfp_wanted(gfp) && Current::get().wanted()) {
        return 0;
    }
    let failed = u64::from(object == 0);
    let amount = if object == 0 { 0 } else { cache };
    count(
        &Event { program: Program::Kmalloc, gfp, call_site, cache, ..NOTHING },
        Tally { events: 1, failures: failed, amount, requested },
    );
    0
}

/// Runs at `kfree(unsigned long call_site, const void *ptr)`.
#[raw_tracepoint(tracepoint = "kfree")]
pub fn tally_kfree(ctx: RawTracePointContext) -> i32 {
    if left_out(Program::Kfree, || Current::get().wanted()) {
        return 0;
    }
    count(
        &Event { program: Program::Kfree, call_site: ctx.arg::<u64>(0), ..NOTHING },
        Tally { events: 1, failures: 0, amount: 0, requested: 0 },
    );
    0
}

/// Runs at `kmem_cache_alloc(unsigned long call_site, const void *ptr, struct kmem_cache *s, gfp_t gfp_flags, int
/// node)`.
#[raw_tracepoint(tracepoint = "kmem_cache_alloc")]
pub fn tally_cache_alloc(ctx: RawTracePointContext) -> i32 {
    let (call_site, object, cache, gfp) =
        (ctx.arg::<u64>(0), ctx.arg::<u64>(1), ctx.arg::<u64>(2), ctx.arg::<u64>(3) as u32);
    if left_out(Program::CacheAlloc, || gfp_wanted(gfp) && Current::get().wanted()) {
        return 0;
    }
    let (size, object_size) = kmem_cache::sizes(cache);
    let (failed, amount) = if object == 0 { (1, 0) } else { (0, u64::from(size)) };
    let tally = Tally { events: 1, failures: failed, amount, requested: u64::from(object_size) };
    count(&Event { program: Program::CacheAlloc, gfp, call_site, cache, ..NOTHING }, tally);
    0
}

/// Runs at `kmem_cache_free(unsigned long call_site, const void *ptr, const struct kmem_cache *s)`.
#[raw_tracepoint(tracepoint = "kmem_cache_free")]
pub fn tally_cache_free(ctx: RawTracePointContext) -> i32 {
    let (call_site, cache) = (ctx.arg::<u64>(0), ctx.arg::<u64>(2));
    if left_out(Program::CacheFree, || Current::get().wanted()) {
        return 0;
    }
    count(
        &Event { program: Program::CacheFree, call_site, cache, ..NOTHING },
        Tally { events: 1, failures: 0, amount: 0, requested: 0 },
    );
    0
}

/// Returns whether the filter keeps the event out, and counts the event in [`LEFT_OUT`] if so. Without a filter,
/// `wanted` is not called.
#[inline(always)]
fn left_out(program: Program, wanted: impl FnOnce() -> bool) -> bool {
    if setting(&FILTERED) == 0 || wanted() {
        return false;
    }
    if let Some(left_out) = LEFT_OUT.get_ptr_mut(program as u32) {
        // SAFETY: this is this CPU's own element of this program, which does not interrupt itself.
        unsafe { *left_out += 1 };
    }
    true
}

/// Counts an event in the map that the plan names.
#[inline(always)]
fn count(event: &Event, tally: Tally) {
    let columns = setting(&PLAN.columns);
    if setting(&PLAN.keyed) != 0 {
        return count_by_key(columns, event, tally);
    }
    let strides = &PLAN.strides;
    // The verifier knows the columns as a constant: without any column, the index is a constant as well.
    let mut index = event.program as u32;
    if columns != 0 {
        index = index * setting(&strides.program)
            + event.order.min(ORDERS - 1) * setting(&strides.order)
            + event.migratetype.min(MIGRATETYPES - 1) * setting(&strides.migratetype);
    }
    if columns & columns::ZONE != 0 {
        index += zone(event.page).unwrap_or(setting(&PLAN.zone_spans)) * setting(&strides.zone);
    }
    if let Some(slot) = TALLIES.get_ptr_mut(index) {
        add(slot, tally);
    }
}

/// Counts an event in the hash map. Columns that were not asked for are 0 in the key.
#[inline(always)]
fn count_by_key(columns: u32, event: &Event, tally: Tally) {
    let asked = |column| columns & column != 0;
    let key = TallyKey {
        program: event.program as u8,
        order: if asked(columns::ORDER) { event.order as u8 } else { 0 },
        zone: if asked(columns::ZONE) { zone(event.page).map_or(UNKNOWN_ZONE, |zone| zone as u8) } else { 0 },
        migratetype: if !asked(columns::MIGRATETYPE) {
            0
        } else if event.migratetype >= MIGRATETYPES - 1 {
            u8::MAX
        } else {
            event.migratetype as u8
        },
        gfp: if asked(columns::GFP) { event.gfp } else { 0 },
        call_site: if asked(columns::CALL_SITE) { event.call_site } else { 0 },
        cache: if asked(columns::CACHE) { event.cache } else { 0 },
        comm: if asked(columns::COMM) { bpf_get_current_comm().unwrap_or_default() } else { [0; 16] },
    };
    if let Some(slot) = KEYED_TALLIES.get_ptr_mut(key) {
        return add(slot, tally);
    }
    // The name of a slab cache is read when the cache is first seen, and not at each event.
    if asked(columns::CACHE)
        && matches!(event.program, Program::CacheAlloc | Program::CacheFree)
        && CACHE_NAMES.get_ptr(event.cache).is_none()
    {
        let _full = CACHE_NAMES.insert(event.cache, kmem_cache::name(event.cache), 0);
    }
    if KEYED_TALLIES.insert(key, tally, u64::from(BPF_NOEXIST)).is_ok() {
        return;
    }
    // Either another CPU has inserted the key in the meantime, or the map has no room.
    if let Some(slot) = KEYED_TALLIES.get_ptr_mut(key) {
        add(slot, tally);
    } else if let Some(slot) = NO_ROOM.get_ptr_mut(event.program as u32) {
        add(slot, tally);
    }
}

/// Adds `tally` to this CPU's copy of an element of a per-CPU map.
#[inline(always)]
fn add(slot: *mut Tally, tally: Tally) {
    // SAFETY: this is this CPU's own copy of an element that only this program writes, and it does not interrupt
    // itself.
    unsafe { (*slot).add(tally) };
}

/// Returns the number of the zone span in which the `struct page` at this address lies, if any.
#[inline(always)]
fn zone(page: u64) -> Option<u32> {
    let spans = setting(&PLAN.zone_spans);
    (0..ZONE_SPANS as u32).take_while(|number| *number < spans).find(|number| {
        let [start, bytes] = setting(&ZONE_SPAN[*number as usize]);
        page.wrapping_sub(start) < bytes
    })
}
