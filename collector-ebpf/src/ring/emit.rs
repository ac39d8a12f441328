//! The last step of a recording program, which counts the event and puts its record into this CPU's ring.

use aya_ebpf::{
    EbpfContext,
    btf_maps::PerCpuArray,
    helpers::{bpf_get_prandom_u32, bpf_get_stack},
    macros::btf_map,
};
use trace::{Counters, PageEvent, Program, SLOT_WORDS, STACK_DEPTH, Slot, StackedPageEvent};

use super::room::{Common, Room};
use crate::{
    filter::Current,
    maps::COUNTERS,
    settings::{setting, settings},
};

settings! {
    /// One page event in this number, chosen at random, gets its kernel stack; 0 means none.
    STACK_EVERY: u32;
}

/// The memory in which each program makes a record with a kernel stack, by [`Program`]. A BPF program's own stack is
/// too small, with 512 bytes (`MAX_BPF_STACK` in include/linux/filter.h).
#[btf_map]
static STACKED: PerCpuArray<StackedPageEvent, { Program::ALL.len() }> = PerCpuArray::new();

/// Counts an event. If the event is `wanted` and the running thread passes the filter, puts the record that `fill`
/// returns into the ring.
#[inline(always)]
pub fn emit<T>(program: Program, wanted: bool, fill: impl FnOnce(Common) -> T) {
    if let Some((counters, current)) = wanted_of_this_thread(program, wanted, Current::wanted) {
        put(counters, current, fill);
    }
}

/// Like [`emit`], for events that change the zones' free blocks. Those of the collector's own threads are recorded too,
/// because the reconstructed state of the zones would be wrong without them.
#[inline(always)]
pub fn emit_with_own<T>(program: Program, wanted: bool, fill: impl FnOnce(Common) -> T) {
    if let Some((counters, current)) = wanted_of_this_thread(program, wanted, Current::passes) {
        put(counters, current, fill);
    }
}

/// Like [`emit`], but whatever the filter says about the running thread.
#[inline(always)]
pub fn emit_of_any_thread<T>(program: Program, fill: impl FnOnce(Common) -> T) {
    if let Some(counters) = count(program, true) {
        put(counters, Current::get(), fill);
    }
}

/// Counts the event. Returns the program's counters and the running thread if the event is `wanted` and the thread
/// `passes`. Otherwise counts the event as filtered and returns `None`.
#[inline(always)]
fn wanted_of_this_thread(
    program: Program,
    wanted: bool,
    passes: impl Fn(Current) -> bool,
) -> Option<(&'static mut Counters, Current)> {
    let counters = count(program, wanted)?;
    let current = Current::get();
    if !passes(current) {
        counters.filtered += 1;
        return None;
    }
    Some((counters, current))
}

/// Writes the record of an event, or counts the event as dropped if the ring has no room.
#[inline(always)]
fn put<T>(counters: &mut Counters, current: Current, fill: impl FnOnce(Common) -> T) {
    if !write(current, fill) {
        counters.dropped += 1;
    }
}

/// Like [`emit`], for a page event, which gets its kernel stack if it is chosen for that.
#[inline(always)]
pub fn emit_page(program: Program, ctx: &impl EbpfContext, wanted: bool, fill: impl FnOnce(Common) -> PageEvent) {
    let every = setting(&STACK_EVERY);
    // The choice is random, because every Nth event could always be the same one of a repeating sequence. SAFETY: the
    // helper only returns a number.
    if every == 0 || (every > 1 && unsafe { bpf_get_prandom_u32() } % every != 0) {
        return emit(program, wanted, fill);
    }
    let Some((counters, current)) = wanted_of_this_thread(program, wanted, Current::wanted) else { return };
    if !write_with_stack(program, ctx, current, fill) {
        counters.dropped += 1;
    }
}

/// Writes a record that stands for no event, and is therefore not counted. Returns whether the ring had room.
#[inline(always)]
pub fn emit_uncounted<T>(fill: impl FnOnce(Common) -> T) -> bool {
    write(Current::get(), fill)
}

/// Counts the event as seen, and also as filtered if it is not `wanted`. Returns the program's counters if the event is
/// `wanted`.
#[inline(always)]
fn count(program: Program, wanted: bool) -> Option<&'static mut Counters> {
    let counters = COUNTERS.get_ptr_mut(program as u32)?;
    // SAFETY: this is this CPU's own element of this program, and the kernel keeps the program from interrupting
    // itself, so nobody else writes to it.
    let counters = unsafe { &mut *counters };
    counters.seen += 1;
    if !wanted {
        counters.filtered += 1;
        return None;
    }
    Some(counters)
}

/// Makes a record and puts it into this CPU's ring. Returns whether the ring had room.
#[inline(always)]
fn write<T>(current: Current, fill: impl FnOnce(Common) -> T) -> bool {
    let Some((room, common)) = Room::reserve(Slot::count(size_of::<T>()), current) else { return false };
    let record = fill(common);
    if size_of::<T>() <= SLOT_WORDS * size_of::<u64>() {
        let Some(slot) = room.slot(0) else { return false };
        // SAFETY: the record fits into the words, whose alignment is the greatest that a record has.
        unsafe { (&raw mut (*slot).words).cast::<T>().write(record) };
    } else {
        // SAFETY: records consist of whole words.
        unsafe { room.copy((&raw const record).cast(), size_of::<T>() / size_of::<u64>()) };
    }
    room.submit();
    true
}

/// Like [`write`], for a page event with its kernel stack. The number of slots depends on the depth of the stack.
#[inline(always)]
fn write_with_stack(
    program: Program,
    ctx: &impl EbpfContext,
    current: Current,
    fill: impl FnOnce(Common) -> PageEvent,
) -> bool {
    const FRAMES: usize = STACK_DEPTH * size_of::<u64>();
    let Some(record) = STACKED.get_ptr_mut(program as u32) else { return false };
    // SAFETY: the memory is this program's own on this CPU. The kernel writes at most the given number of bytes.
    let bytes = unsafe { bpf_get_stack(ctx.as_ptr(), (&raw mut (*record).frames).cast(), FRAMES as u32, 0) };
    let taken = if bytes > 0 { (bytes as usize).min(FRAMES) } else { 0 };
    // The record takes at least two slots, because user space reads a page record in a single slot as one without a
    // stack.
    let slots = Slot::count(size_of::<StackedPageEvent>() - FRAMES + taken).max(2);
    let Some((room, common)) = Room::reserve(slots, current) else { return false };
    // SAFETY: the memory is this program's own on this CPU.
    unsafe {
        (&raw mut (*record).event).write(fill(common));
        (&raw mut (*record).bytes).write(bytes.into());
        room.copy(record.cast_const().cast(), size_of::<StackedPageEvent>() / size_of::<u64>());
    }
    room.submit();
    true
}
