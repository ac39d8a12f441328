//! The reservation of slots for a record in this CPU's ring.

use core::ptr;

use aya_ebpf::helpers::{bpf_get_smp_processor_id, bpf_ktime_get_ns};
use trace::{RING_RESERVE, SLOT_WORDS, Slot};

use super::atomic::{fetch_add, store_release};
use crate::{
    filter::Current,
    maps::{RING_ENDS, SLOTS},
    settings::{setting, settings},
};

settings! {
    /// The number of slots of each CPU's ring, a power of two.
    RING_SLOTS: u32;
}

/// The fields that every record begins with.
#[derive(Clone, Copy)]
pub struct Common {
    /// The time of the record, in ns of `CLOCK_MONOTONIC`.
    pub time: u64,
    /// The running thread (the kernel's pid).
    pub pid: u32,
    /// The CPU on which the thread runs.
    pub cpu: u16,
}

/// Slots in this CPU's ring that are reserved for one record until it is submitted.
pub struct Room {
    /// The index of the ring's first slot in [`SLOTS`].
    ring: u32,
    /// The position of the record's first slot, in slots since the ring was made.
    position: u64,
    /// The number of slots that the record takes.
    slots: u64,
}

impl Room {
    /// Reserves slots in this CPU's ring, or returns `None` if the ring has no room. The time is taken after the
    /// reservation, so that the times in one ring are in order, unless an interrupt comes between the two.
    #[inline(always)]
    pub fn reserve(slots: u64, current: Current) -> Option<(Self, Common)> {
        // SAFETY: the helper only returns a number.
        let cpu = unsafe { bpf_get_smp_processor_id() };
        let ends = RING_ENDS.get_ptr_mut(cpu)?;
        let size = setting(&RING_SLOTS);
        // SAFETY: both words stay in the map while the program is loaded. User space moves `read`, and programs on this
        // CPU move `written`.
        let (written, read) =
            unsafe { (ptr::read_volatile(&raw const (*ends).written), ptr::read_volatile(&raw const (*ends).read)) };
        if written + slots + RING_RESERVE > read + u64::from(size) {
            return None;
        }
        // SAFETY: the word is in a map, and nothing holds a Rust reference to it. The addition is atomic, because an
        // interrupt may come between reading and writing it.
        let position = unsafe { fetch_add(&raw mut (*ends).written, slots) };
        // SAFETY: the helper only reads a clock.
        let time = unsafe { bpf_ktime_get_ns() };
        Some((Self { ring: cpu * size, position, slots }, Common { time, pid: current.pid, cpu: cpu as u16 }))
    }

    /// Returns a slot of the record, counted from its first slot. The result is never `None`, because user space has
    /// made the array large enough.
    #[inline(always)]
    pub fn slot(&self, number: u64) -> Option<*mut Slot> {
        let mask = u64::from(setting(&RING_SLOTS) - 1);
        SLOTS.get_ptr_mut(self.ring + ((self.position + number) & mask) as u32)
    }

    /// Fills the slots with the first words of a record of `words` words, up to the number of reserved slots.
    ///
    /// # Safety
    /// The words can be read from `record` on.
    #[inline(always)]
    pub unsafe fn copy(&self, record: *const u64, words: usize) {
        for number in 0..words.div_ceil(SLOT_WORDS) {
            if number as u64 >= self.slots {
                return;
            }
            let Some(slot) = self.slot(number as u64) else { return };
            let from = number * SLOT_WORDS;
            for word in 0..SLOT_WORDS.min(words - from) {
                // SAFETY: the caller guarantees that the words can be read. The slot is reserved for this record until
                // it is submitted.
                unsafe { (*slot).words[word] = record.add(from + word).read() };
            }
        }
    }

    /// Marks the record as complete. This wakes no thread of user space, because a wake-up from here would run the
    /// scheduler inside the page allocator. The collector polls the rings, at a pace that depends on how full they are.
    #[inline(always)]
    pub fn submit(self) {
        let Some(slot) = self.slot(0) else { return };
        let mark = Slot::mark(self.position, self.slots);
        // SAFETY: the slot stays in the map while the program is loaded.
        unsafe { store_release(&raw mut (*slot).mark, mark) };
    }
}
