//! Count, and put a record into this CPU's ring.

use aya_ebpf::{
    EbpfContext,
    bindings::BPF_RB_NO_WAKEUP,
    helpers::{bpf_get_prandom_u32, bpf_get_smp_processor_id, bpf_get_stack, bpf_ktime_get_ns},
    maps::ring_buf::RingBufEntry,
};
use trace::{Counters, PageEvent, Program, STACK_DEPTH, StackedPageEvent};

use crate::{
    filter::Current,
    maps::{COUNTERS, RINGS, setting, settings},
};

settings! {
    /// One page event in so many gets its kernel stack; 0 = none.
    STACK_EVERY: u32;
}

/// When, where, and by which thread: fields that every record has.
#[derive(Clone, Copy)]
pub struct Common {
    pub time: u64,
    pub pid: u32,
    pub cpu: u16,
}

/// Counts the event and, if it is wanted, and so are those of this thread, has `fill` make a record for the ring.
#[inline(always)]
pub fn emit<T: 'static>(program: Program, wanted: bool, fill: impl FnOnce(Common) -> T) {
    if let Some((counters, current)) = wanted_of_this_thread(program, wanted, Current::wanted) {
        put(counters, current, fill);
    }
}

/// The same for what changes the zones' free blocks: those that the collector itself takes and gives back are as good as any.
#[inline(always)]
pub fn emit_with_own<T: 'static>(program: Program, wanted: bool, fill: impl FnOnce(Common) -> T) {
    if let Some((counters, current)) = wanted_of_this_thread(program, wanted, Current::passes) {
        put(counters, current, fill);
    }
}

/// The same, whichever thread it is.
#[inline(always)]
pub fn emit_of_anyone<T: 'static>(program: Program, fill: impl FnOnce(Common) -> T) {
    if let Some(counters) = count(program, true) {
        put(counters, Current::get(), fill);
    }
}

/// Counts the event; what is left to do if it is wanted, and so are those of this thread.
#[inline(always)]
fn wanted_of_this_thread(program: Program, wanted: bool, passes: impl Fn(Current) -> bool) -> Option<(&'static mut Counters, Current)> {
    let counters = count(program, wanted)?;
    let current = Current::get();
    if !passes(current) {
        counters.filtered += 1;
        return None;
    }
    Some((counters, current))
}

#[inline(always)]
fn put<T: 'static>(counters: &mut Counters, current: Current, fill: impl FnOnce(Common) -> T) {
    let Some((mut entry, common)) = reserve::<T>(current) else {
        counters.dropped += 1;
        return;
    };
    entry.write(fill(common));
    submit(entry);
}

/// The same for a page event, which may have its stack with it.
#[inline(always)]
pub fn emit_page(program: Program, ctx: &impl EbpfContext, wanted: bool, fill: impl FnOnce(Common) -> PageEvent) {
    let every = setting(&STACK_EVERY);
    // By chance, not by count: a count would keep step with what repeats itself.
    // SAFETY: gives a number.
    if every == 0 || (every > 1 && unsafe { bpf_get_prandom_u32() } % every != 0) {
        return emit(program, wanted, fill);
    }
    let Some((counters, current)) = wanted_of_this_thread(program, wanted, Current::wanted) else { return };
    let Some((mut entry, common)) = reserve::<StackedPageEvent>(current) else {
        counters.dropped += 1;
        return;
    };
    let record = entry.as_mut_ptr();
    // SAFETY: the reservation is ours until it is submitted, and as large as the record; the kernel writes as many bytes as it is told.
    unsafe {
        (&raw mut (*record).event).write(fill(common));
        let bytes = bpf_get_stack(ctx.as_ptr(), (&raw mut (*record).frames).cast(), (STACK_DEPTH * size_of::<u64>()) as u32, 0);
        (&raw mut (*record).bytes).write(bytes.into());
    }
    submit(entry);
}

/// A record that stands for no event, and so is not counted; whether there was room.
#[inline(always)]
pub fn tell<T: 'static>(fill: impl FnOnce(Common) -> T) -> bool {
    let Some((mut entry, common)) = reserve::<T>(Current::get()) else { return false };
    entry.write(fill(common));
    submit(entry);
    true
}

/// The program's counters, if the event is wanted so far: what is cheap is asked first.
#[inline(always)]
fn count(program: Program, wanted: bool) -> Option<&'static mut Counters> {
    let counters = COUNTERS.get_ptr_mut(program as u32)?;
    // SAFETY: this CPU's own slot of this program; the kernel keeps the program from interrupting itself, so nobody else writes it.
    let counters = unsafe { &mut *counters };
    counters.seen += 1;
    if !wanted {
        counters.filtered += 1;
        return None;
    }
    Some(counters)
}

/// Room in this CPU's ring. The time is taken after the reservation, so that times in one ring are in order but for an interrupt between the two.
#[inline(always)]
fn reserve<T: 'static>(current: Current) -> Option<(RingBufEntry<T>, Common)> {
    // SAFETY: reads a number.
    let cpu = unsafe { bpf_get_smp_processor_id() };
    let entry = RINGS.get(cpu)?.reserve_untyped::<T>(0)?;
    // SAFETY: reads a clock.
    let time = unsafe { bpf_ktime_get_ns() };
    Some((entry, Common { time, pid: current.pid, cpu: cpu as u16 }))
}

/// Nobody is woken: the collector looks by itself, at a pace that it sets by how full the rings are. A wake-up from here would
/// run the scheduler inside the page allocator.
#[inline(always)]
fn submit<T>(entry: RingBufEntry<T>) {
    entry.submit(u64::from(BPF_RB_NO_WAKEUP));
}
