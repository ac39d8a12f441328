//! How records get from the eBPF programs to user space: through memory that both see, a ring of [`Slot`]s for each
//! CPU.
//!
//! A program that has a record takes the next free slots by moving [`RingEnds::written`], fills them, and writes the
//! first one's mark last. Another program may interrupt it anywhere in between, and does the same behind it; none of
//! them ever waits. User space reads up to the first slot without its mark, and then moves [`RingEnds::read`]. The
//! kernel's own ring buffer takes a lock for each record, and its two calls cost as much as all the rest of a program.

/// Words of a record that a slot holds: with its mark it is a cache line.
pub const SLOT_WORDS: usize = 7;

/// Slots that stay free, because of programs that interrupt one another after they have looked how many are left: each
/// of the contexts that a CPU can be in at once (task, softirq, interrupt) exceeds the limit by one record at most.
pub const RING_RESERVE: u64 = 32;

/// A piece of a record.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Slot {
    /// see [`Slot::mark`]; only that of a record's first slot counts
    pub mark: u64,
    /// the record's bytes, or the next of them
    pub words: [u64; SLOT_WORDS],
}

impl Slot {
    /// Slots that a record of so many bytes takes.
    pub const fn count(bytes: usize) -> u64 {
        bytes.div_ceil(SLOT_WORDS * size_of::<u64>()) as u64
    }

    /// The mark of a record that is whole: where it begins, in slots since the beginning, and how many it takes. It
    /// differs from whatever the slot held before.
    pub const fn mark(position: u64, slots: u64) -> u64 {
        (position + 1) << 8 | slots
    }

    /// How many slots the record takes that begins at `position`, if it is whole.
    pub const fn whole(mark: u64, position: u64) -> Option<u64> {
        if mark >> 8 == position + 1 { Some(mark & 0xff) } else { None }
    }
}

/// How far the programs of one CPU have written and user space has read, in slots since the beginning: a cache line for
/// each.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct RingEnds {
    /// by the programs
    pub written: u64,
    _programs: [u64; SLOT_WORDS],
    /// by user space
    pub read: u64,
    _user_space: [u64; SLOT_WORDS],
}
