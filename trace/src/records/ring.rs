//! How records get from the eBPF programs to user space: through memory that both sides see, which holds a ring of
//! [`Slot`]s for each CPU.
//!
//! A program that has a record takes the next free slots by moving [`RingEnds::written`], fills them, and writes the
//! mark of the first one last. Another program may interrupt it anywhere in between, and does the same behind it; no
//! program ever waits. User space reads up to the first slot without its mark, and then moves [`RingEnds::read`].
//!
//! The kernel's own ring buffer (`BPF_MAP_TYPE_RINGBUF`) takes a lock for each record, and its two calls cost as much
//! as all the rest of a program.

/// Words of a record that a slot holds; with its mark, a slot is a cache line of 64 bytes.
pub const SLOT_WORDS: usize = 7;

/// Slots of a ring that stay free, because programs may interrupt one another after they have looked how many slots are
/// left: each of the contexts that a CPU can be in at once (task, softirq, hard interrupt) exceeds the limit by
/// one record at most.
pub const RING_RESERVE: u64 = 32;

/// A piece of a record, or all of it.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Slot {
    /// what [`Slot::mark`] gives once the record is whole; in other slots than the first of a record it has no meaning
    pub mark: u64,
    /// the bytes of the record, or the next of them
    pub words: [u64; SLOT_WORDS],
}

impl Slot {
    /// How many slots a record of so many bytes takes.
    pub const fn count(bytes: usize) -> u64 {
        bytes.div_ceil(SLOT_WORDS * size_of::<u64>()) as u64
    }

    /// The mark of a whole record: its `position`, counted in slots since the ring was made, and how many slots it
    /// takes. Because the position is in it, the mark differs from any that the slot held before.
    pub const fn mark(position: u64, slots: u64) -> u64 {
        (position + 1) << 8 | slots
    }

    /// How many slots the record at `position` takes; `None` if the mark is an older one, and the record not whole yet.
    pub const fn whole(mark: u64, position: u64) -> Option<u64> {
        if mark >> 8 == position + 1 { Some(mark & 0xff) } else { None }
    }
}

/// How far the programs of one CPU have written and user space has read, counted in slots since the ring was made. Each
/// end has a cache line of its own, so that the two sides do not slow each other down.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct RingEnds {
    /// slots that the programs have taken; only they move it
    pub written: u64,
    _programs: [u64; SLOT_WORDS],
    /// slots that user space has read; only user space moves it
    pub read: u64,
    _user_space: [u64; SLOT_WORDS],
}
