//! Count, and put a record into this CPU's ring.

use core::ptr;

use aya_ebpf::{
    EbpfContext,
    btf_maps::PerCpuArray,
    helpers::{bpf_get_prandom_u32, bpf_get_smp_processor_id, bpf_get_stack, bpf_ktime_get_ns},
    macros::btf_map,
};
use trace::{Counters, PageEvent, Program, RING_RESERVE, SLOT_WORDS, STACK_DEPTH, Slot, StackedPageEvent};

use crate::{
    atomic::{fetch_add, store_release},
    filter::Current,
    maps::{COUNTERS, RING_ENDS, SLOTS, setting, settings},
};

settings! {
    /// One page event in so many gets its kernel stack; 0 = none.
    STACK_EVERY: u32;
    /// Slots of each CPU's ring: a power of two.
    RING_SLOTS: u32;
}

/// By [`Program`]: where a record with its stack is made, which is too large for a program's own stack.
#[btf_map]
static STACKED: PerCpuArray<StackedPageEvent, { Program::ALL.len() }> = PerCpuArray::new();

/// When, where, and by which thread: fields that every record has.
#[derive(Clone, Copy)]
pub struct Common {
    pub time: u64,
    pub pid: u32,
    pub cpu: u16,
}

/// Counts the event and, if it is wanted, and so are those of this thread, has `fill` make a record for the ring.
#[inline(always)]
pub fn emit<T>(program: Program, wanted: bool, fill: impl FnOnce(Common) -> T) {
    if let Some((counters, current)) = wanted_of_this_thread(program, wanted, Current::wanted) {
        put(counters, current, fill);
    }
}

/// The same for what changes the zones' free blocks: those that the collector itself takes and gives back are as good
/// as any.
#[inline(always)]
pub fn emit_with_own<T>(program: Program, wanted: bool, fill: impl FnOnce(Common) -> T) {
    if let Some((counters, current)) = wanted_of_this_thread(program, wanted, Current::passes) {
        put(counters, current, fill);
    }
}

/// The same, whichever thread it is.
#[inline(always)]
pub fn emit_of_anyone<T>(program: Program, fill: impl FnOnce(Common) -> T) {
    if let Some(counters) = count(program, true) {
        put(counters, Current::get(), fill);
    }
}

/// Counts the event; what is left to do if it is wanted, and so are those of this thread.
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

#[inline(always)]
fn put<T>(counters: &mut Counters, current: Current, fill: impl FnOnce(Common) -> T) {
    if !write(current, fill) {
        counters.dropped += 1;
    }
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
    if !write_with_stack(program, ctx, current, fill) {
        counters.dropped += 1;
    }
}

/// A record that stands for no event, and so is not counted; whether there was room.
#[inline(always)]
pub fn tell<T>(fill: impl FnOnce(Common) -> T) -> bool {
    write(Current::get(), fill)
}

/// The program's counters, if the event is wanted so far: what is cheap is asked first.
#[inline(always)]
fn count(program: Program, wanted: bool) -> Option<&'static mut Counters> {
    let counters = COUNTERS.get_ptr_mut(program as u32)?;
    // SAFETY: this CPU's own slot of this program; the kernel keeps the program from interrupting itself, so nobody
    // else writes it.
    let counters = unsafe { &mut *counters };
    counters.seen += 1;
    if !wanted {
        counters.filtered += 1;
        return None;
    }
    Some(counters)
}

/// Makes a record and puts it into this CPU's ring; whether there was room.
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

/// The same for a page event with its stack. It takes no more room than the stack is deep.
#[inline(always)]
fn write_with_stack(
    program: Program,
    ctx: &impl EbpfContext,
    current: Current,
    fill: impl FnOnce(Common) -> PageEvent,
) -> bool {
    const FRAMES: usize = STACK_DEPTH * size_of::<u64>();
    let Some(record) = STACKED.get_ptr_mut(program as u32) else { return false };
    // SAFETY: the place is this program's own on this CPU; the kernel writes as many bytes as it is told.
    let bytes = unsafe { bpf_get_stack(ctx.as_ptr(), (&raw mut (*record).frames).cast(), FRAMES as u32, 0) };
    let taken = if bytes > 0 { (bytes as usize).min(FRAMES) } else { 0 };
    // A record in a single slot has no stack.
    let slots = Slot::count(size_of::<StackedPageEvent>() - FRAMES + taken).max(2);
    let Some((room, common)) = Room::reserve(slots, current) else { return false };
    // SAFETY: as above.
    unsafe {
        (&raw mut (*record).event).write(fill(common));
        (&raw mut (*record).bytes).write(bytes.into());
        room.copy(record.cast_const().cast(), size_of::<StackedPageEvent>() / size_of::<u64>());
    }
    room.submit();
    true
}

/// Slots in this CPU's ring that one record may fill.
struct Room {
    /// the first slot of the ring
    ring: u32,
    /// slots since the beginning
    position: u64,
    slots: u64,
}

impl Room {
    /// The time is taken after the reservation, so that times in one ring are in order but for an interrupt between the
    /// two.
    #[inline(always)]
    fn reserve(slots: u64, current: Current) -> Option<(Self, Common)> {
        // SAFETY: reads a number.
        let cpu = unsafe { bpf_get_smp_processor_id() };
        let ends = RING_ENDS.get_ptr_mut(cpu)?;
        let size = setting(&RING_SLOTS);
        // SAFETY: both are in the map for good. User space moves the one, programs on this CPU the other.
        let (written, read) =
            unsafe { (ptr::read_volatile(&raw const (*ends).written), ptr::read_volatile(&raw const (*ends).read)) };
        if written + slots + RING_RESERVE > read + u64::from(size) {
            return None;
        }
        // SAFETY: as above. Atomic, because an interrupt may come between reading and writing it.
        let position = unsafe { fetch_add(&raw mut (*ends).written, slots) };
        // SAFETY: reads a clock.
        let time = unsafe { bpf_ktime_get_ns() };
        Some((Self { ring: cpu * size, position, slots }, Common { time, pid: current.pid, cpu: cpu as u16 }))
    }

    /// A slot of the record; never `None`, since user space has made the array large enough.
    #[inline(always)]
    fn slot(&self, number: u64) -> Option<*mut Slot> {
        let mask = u64::from(setting(&RING_SLOTS) - 1);
        SLOTS.get_ptr_mut(self.ring + ((self.position + number) & mask) as u32)
    }

    /// Fills the slots from a record of `words` words, as far as they go.
    ///
    /// # Safety
    /// So many words can be read from `record` on.
    #[inline(always)]
    unsafe fn copy(&self, record: *const u64, words: usize) {
        for number in 0..words.div_ceil(SLOT_WORDS) {
            if number as u64 >= self.slots {
                return;
            }
            let Some(slot) = self.slot(number as u64) else { return };
            let from = number * SLOT_WORDS;
            for word in 0..SLOT_WORDS.min(words - from) {
                // SAFETY: the words are there, as the caller has said; the slot is ours until it is submitted.
                unsafe { (*slot).words[word] = record.add(from + word).read() };
            }
        }
    }

    /// Nobody is woken: the collector looks by itself, at a pace that it sets by how full the rings are. A wake-up from
    /// here would run the scheduler inside the page allocator.
    #[inline(always)]
    fn submit(self) {
        let Some(slot) = self.slot(0) else { return };
        let mark = Slot::mark(self.position, self.slots);
        // SAFETY: the slot is in the map for good.
        unsafe { store_release(&raw mut (*slot).mark, mark) };
    }
}
