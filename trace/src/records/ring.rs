//! The rings through which records get from the eBPF programs to user space. Both sides share the memory, which holds a
//! ring of [`Slot`]s for each CPU.
//!
//! A program that has a record takes the next free slots by moving [`RingEnds::written`], fills them, and writes the
//! mark of the first slot last. Another program may interrupt it at any point, and then takes the slots behind; no
//! program ever waits. User space reads up to the first slot whose mark is not yet written, and then moves
//! [`RingEnds::read`].
//!
//! The kernel's own ring buffer (`BPF_MAP_TYPE_RINGBUF`) is not used, because it takes a lock for each record, and its
//! two calls (reserve and submit) cost as much as all the rest of a program.

/// The number of words of a record that a slot holds. Together with its mark, a slot is a cache line of 64 bytes.
pub const SLOT_WORDS: usize = 7;

/// The number of slots of a ring that stay free. They are needed because a program may be interrupted by another after
/// it has checked how many slots are left: each of the contexts that a CPU can be in at once (task, softirq, hard
/// interrupt) exceeds the limit by one record at most.
pub const RING_RESERVE: u64 = 32;

/// A part of a ring, which holds one record or a piece of one.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Slot {
    /// The value of [`Slot::mark`] once the record is complete. Only the mark of a record's first slot has a meaning.
    pub mark: u64,
    /// The words of the record, or of the piece of it that this slot holds.
    pub words: [u64; SLOT_WORDS],
}

impl Slot {
    /// Returns how many slots a record of `bytes` bytes takes.
    pub const fn count(bytes: usize) -> u64 {
        bytes.div_ceil(SLOT_WORDS * size_of::<u64>()) as u64
    }

    /// Returns the mark of a complete record, which consists of the record's `position`, counted in slots since the
    /// ring was made, and the number of slots that the record takes. Because of the position, the mark differs from any
    /// that the slot held before.
    pub const fn mark(position: u64, slots: u64) -> u64 {
        (position + 1) << 8 | slots
    }

    /// Returns how many slots the record at `position` takes, or `None` if the mark is an older one and the record is
    /// therefore not complete yet.
    pub const fn whole(mark: u64, position: u64) -> Option<u64> {
        if mark >> 8 == position + 1 { Some(mark & 0xff) } else { None }
    }
}

/// The positions up to which the programs of one CPU have written and user space has read, counted in slots since the
/// ring was made. Each position has a cache line of its own, so that the two sides do not slow each other down.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct RingEnds {
    /// The number of slots that the programs have taken. Only the programs change it.
    pub written: u64,
    _programs: [u64; SLOT_WORDS],
    /// The number of slots that user space has read. Only user space changes it.
    pub read: u64,
    _user_space: [u64; SLOT_WORDS],
}
