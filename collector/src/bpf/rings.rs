//! The rings, from the side of user space, which reads them. trace/src/records/ring.rs says how the programs write to
//! them.

use std::{
    io,
    marker::PhantomData,
    os::fd::{AsFd as _, AsRawFd as _},
    ptr,
    sync::atomic::{AtomicU64, Ordering},
};

use aya::maps::MapData;
use memmap2::{MmapOptions, MmapRaw};
use trace::{RingEnds, SLOT_WORDS, Slot, StackedPageEvent};

use super::record::Record;
use crate::Error;

/// The number of slots that the largest record takes.
const LARGEST: usize = size_of::<StackedPageEvent>().div_ceil(SLOT_WORDS * size_of::<u64>());
/// The number of slots that are read before they are given back to the programs. Giving back writes to a cache line
/// that the programs read, which costs them a cache miss.
const AT_ONCE: u64 = 1024;

/// The result of reading the rings once.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Drained {
    /// The number of records that were passed on.
    pub records: usize,
    /// The fill level of the fullest ring, from 0 to 1.
    pub fullest: f64,
}

/// The rings of all CPUs, in memory to which the programs write.
pub(super) struct Rings {
    slots: Shared<Slot>,
    ends: Shared<RingEnds>,
    /// The number of slots of each ring, a power of two.
    size: u64,
    cpus: usize,
}

impl Rings {
    /// Maps the eBPF maps that hold `cpus` rings of `size` slots each into the memory of this process.
    ///
    /// # Errors
    /// [`Error::System`]
    pub fn new(slots: &MapData, ends: &MapData, size: u32, cpus: usize) -> Result<Self, Error> {
        let failed = |error| Error::System { action: "share the rings with the eBPF programs", error };
        let slots = Shared::new(slots, cpus * size as usize).map_err(failed)?;
        Ok(Self { slots, ends: Shared::new(ends, cpus).map_err(failed)?, size: size.into(), cpus })
    }

    /// Passes to `sink` the records that are in the rings when reading begins.
    pub fn drain(&mut self, mut sink: impl FnMut(Record<'_>)) -> Drained {
        let mut drained = Drained::default();
        for cpu in 0..self.cpus {
            let (records, slots) = self.drain_ring(cpu, &mut sink);
            drained.records += records;
            drained.fullest = drained.fullest.max(slots as f64 / self.size as f64);
        }
        drained
    }

    /// Passes the records of one ring to `sink`. Returns the number of records and the number of slots that they took.
    fn drain_ring(&mut self, cpu: usize, sink: &mut impl FnMut(Record<'_>)) -> (usize, u64) {
        let (written, read) = self.ends(cpu);
        let (begin, end) = (read.load(Ordering::Relaxed), written.load(Ordering::Acquire));
        let (mut records, mut at, mut told) = (0, begin, begin);
        let mut words = [0; LARGEST * SLOT_WORDS];
        while at < end {
            // A record without its mark is still being written, for example by a program that was interrupted.
            let Some(slots) = self.record(cpu, at, &mut words) else { break };
            if let Some(record) = Record::decode(&words[..slots as usize * SLOT_WORDS]) {
                sink(record);
            }
            records += 1;
            at += slots;
            if at - told >= AT_ONCE {
                read.store(at, Ordering::Release);
                told = at;
            }
        }
        read.store(at, Ordering::Release);
        (records, at - begin)
    }

    /// Copies the words of the record at a position. Returns the number of slots that the record takes, or `None` if
    /// the record is not complete yet.
    fn record(&self, cpu: usize, position: u64, words: &mut [u64; LARGEST * SLOT_WORDS]) -> Option<u64> {
        let slot = |position: u64| self.slots.at(cpu * self.size as usize + (position & (self.size - 1)) as usize);
        let first = slot(position);
        // SAFETY: this is an aligned word of the mapping, which the programs write and nothing here does.
        let mark = unsafe { AtomicU64::from_ptr(&raw mut (*first).mark) }.load(Ordering::Acquire);
        let slots = Slot::whole(mark, position)?.clamp(1, LARGEST as u64);
        for (number, words) in words.chunks_exact_mut(SLOT_WORDS).take(slots as usize).enumerate() {
            // SAFETY: the record is complete, so no program writes to its slots before `read` has passed them.
            let from = unsafe { ptr::read(&raw const (*slot(position + number as u64)).words) };
            words.copy_from_slice(&from);
        }
        Some(slots)
    }

    /// Returns the positions up to which the programs have written and user space has read.
    fn ends(&self, cpu: usize) -> (&AtomicU64, &AtomicU64) {
        let ends = self.ends.at(cpu);
        // SAFETY: these are aligned words of the mapping, which lives as long as `self`; both sides treat them as
        // atomic.
        unsafe { (AtomicU64::from_ptr(&raw mut (*ends).written), AtomicU64::from_ptr(&raw mut (*ends).read)) }
    }
}

/// An array in memory that this process shares with the programs.
struct Shared<T> {
    memory: MmapRaw,
    of: PhantomData<T>,
}

impl<T> Shared<T> {
    fn new(map: &MapData, length: usize) -> io::Result<Self> {
        let memory = MmapOptions::new().len(length * size_of::<T>()).map_raw(map.fd().as_fd().as_raw_fd())?;
        Ok(Self { memory, of: PhantomData })
    }

    /// Returns the address of an element.
    fn at(&self, index: usize) -> *mut T {
        assert!(index < self.memory.len() / size_of::<T>());
        // SAFETY: the address lies in the mapping, and is aligned because the mapping begins with a page.
        unsafe { self.memory.as_mut_ptr().cast::<T>().add(index) }
    }
}

#[cfg(test)]
mod tests {
    use memmap2::MmapMut;
    use trace::Kind;

    use super::*;

    const SIZE: u64 = 64;

    /// Returns two rings in memory that no program shares.
    fn rings() -> Rings {
        Rings { slots: anonymous(2 * SIZE as usize), ends: anonymous(2), size: SIZE, cpus: 2 }
    }

    fn anonymous<T>(length: usize) -> Shared<T> {
        Shared { memory: MmapMut::map_anon(length * size_of::<T>()).unwrap().into(), of: PhantomData }
    }

    /// Acts as a program on CPU 1: takes slots, fills them, and marks the record as complete if `whole`.
    fn write(rings: &Rings, words: &[u64], whole: bool) {
        let (written, _) = rings.ends(1);
        let slots = Slot::count(size_of_val(words));
        let position = written.fetch_add(slots, Ordering::Relaxed);
        let slot = |position: u64| rings.slots.at((SIZE + position % SIZE) as usize);
        for (number, words) in words.chunks(SLOT_WORDS).enumerate() {
            unsafe { (&mut (*slot(position + number as u64)).words)[..words.len()].copy_from_slice(words) };
        }
        if whole {
            unsafe { (*slot(position)).mark = Slot::mark(position, slots) };
        }
    }

    /// Returns the words of a [`trace::PageEvent`] and of the return addresses of its stack.
    fn page(time: u64, frames: &[u64]) -> Vec<u64> {
        let (pid, cpu, kind) = (7, 1 << 32, (Kind::PageAlloc as u64) << 48);
        let mut words = vec![time, pid | cpu | kind, time, 0, 0];
        if !frames.is_empty() {
            words.push(size_of_val(frames) as u64);
            words.extend(frames);
        }
        words
    }

    /// Reads the rings once. Returns the times of the events and the depths of their stacks.
    fn look(rings: &mut Rings) -> Vec<(u64, usize)> {
        let mut found = Vec::new();
        let drained = rings.drain(|record| {
            if let Record::Page(page, frames) = record {
                assert_eq!((page.pid, page.cpu, page.pfn), (7, 1, page.time));
                assert!(frames.iter().all(|frame| *frame == page.time), "the frames are this event's");
                found.push((page.time, frames.len()));
            }
        });
        assert_eq!(drained.records, found.len());
        found
    }

    #[test]
    fn records_of_all_sizes_come_out_in_order_however_often_the_ring_turns() {
        let mut rings = rings();
        let mut time = 0;
        for turn in 0..1000 {
            let mut expected = Vec::new();
            for _ in 0..turn % 7 {
                time += 1;
                let depth = if time % 3 == 0 { 2 + (time as usize * 5) % 31 } else { 0 };
                write(&rings, &page(time, &vec![time; depth]), true);
                expected.push((time, depth));
            }
            assert_eq!(look(&mut rings), expected);
        }
        assert!(time > 20 * SIZE, "it turned");
    }

    #[test]
    fn what_is_not_whole_waits_and_so_does_what_is_behind_it() {
        let mut rings = rings();
        write(&rings, &page(1, &[]), true);
        write(&rings, &page(2, &[]), false);
        write(&rings, &page(3, &[]), true);
        assert_eq!(look(&mut rings), [(1, 0)]);
        assert_eq!(look(&mut rings), []);
        // The interrupted program goes on.
        unsafe { (*rings.slots.at(SIZE as usize + 1)).mark = Slot::mark(1, 1) };
        assert_eq!(look(&mut rings), [(2, 0), (3, 0)]);
    }

    #[test]
    fn a_mark_of_an_earlier_turn_does_not_count() {
        let mut rings = rings();
        for time in 0..SIZE {
            write(&rings, &page(time, &[]), true);
            assert_eq!(look(&mut rings).len(), 1);
        }
        write(&rings, &page(SIZE, &[]), false);
        assert_eq!(look(&mut rings), []);
    }
}
