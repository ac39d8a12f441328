//! User space's side of the rings; see [`trace::Slot`] for how the programs write them.

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

/// Slots that the largest record takes.
const LARGEST: usize = size_of::<StackedPageEvent>().div_ceil(SLOT_WORDS * size_of::<u64>());
/// Slots that are read before the programs may have them again: each time costs them a cache line.
const AT_ONCE: u64 = 1024;

/// What a look into the rings has found.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Drained {
    /// records handed over
    pub records: usize,
    /// how full the fullest ring was, from 0 to 1
    pub fullest: f64,
}

/// The rings of all CPUs, in memory that the programs write to.
pub(super) struct Rings {
    slots: Shared<Slot>,
    ends: Shared<RingEnds>,
    /// slots of each ring: a power of two
    size: u64,
    cpus: usize,
}

impl Rings {
    /// Maps the programs' maps of `cpus` rings with `size` slots each into this process.
    ///
    /// # Errors
    /// [`Error::System`]
    pub fn new(slots: &MapData, ends: &MapData, size: u32, cpus: usize) -> Result<Self, Error> {
        let failed = |error| Error::System { action: "share the rings with the eBPF programs", error };
        let slots = Shared::new(slots, cpus * size as usize).map_err(failed)?;
        Ok(Self { slots, ends: Shared::new(ends, cpus).map_err(failed)?, size: size.into(), cpus })
    }

    /// Hands the records that were in the rings when the look began to `sink`.
    pub fn drain(&mut self, mut sink: impl FnMut(Record<'_>)) -> Drained {
        let mut drained = Drained::default();
        for cpu in 0..self.cpus {
            let (records, slots) = self.drain_ring(cpu, &mut sink);
            drained.records += records;
            drained.fullest = drained.fullest.max(slots as f64 / self.size as f64);
        }
        drained
    }

    /// Hands over the records of one ring; returns how many there were, and the slots that they took.
    fn drain_ring(&mut self, cpu: usize, sink: &mut impl FnMut(Record<'_>)) -> (usize, u64) {
        let (written, read) = self.ends(cpu);
        let (begin, end) = (read.load(Ordering::Relaxed), written.load(Ordering::Acquire));
        let (mut records, mut at, mut told) = (0, begin, begin);
        let mut words = [0; LARGEST * SLOT_WORDS];
        while at < end {
            // A record without its mark is being written, perhaps by a program that was interrupted.
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

    /// Copies the words of the record at a position, and returns how many slots it takes; `None` if it is not whole
    /// yet.
    fn record(&self, cpu: usize, position: u64, words: &mut [u64; LARGEST * SLOT_WORDS]) -> Option<u64> {
        let slot = |position: u64| self.slots.at(cpu * self.size as usize + (position & (self.size - 1)) as usize);
        let first = slot(position);
        // SAFETY: this is an aligned word of the mapping, which the programs write and nothing here does.
        let mark = unsafe { AtomicU64::from_ptr(&raw mut (*first).mark) }.load(Ordering::Acquire);
        let slots = Slot::whole(mark, position)?.clamp(1, LARGEST as u64);
        for (number, words) in words.chunks_exact_mut(SLOT_WORDS).take(slots as usize).enumerate() {
            // SAFETY: the record is whole, so that no program writes to its slots before `read` has passed them.
            let from = unsafe { ptr::read(&raw const (*slot(position + number as u64)).words) };
            words.copy_from_slice(&from);
        }
        Some(slots)
    }

    /// The words that say how far the programs have written, and how far user space has read.
    fn ends(&self, cpu: usize) -> (&AtomicU64, &AtomicU64) {
        let ends = self.ends.at(cpu);
        // SAFETY: these are aligned words of the mapping, which lives as long as `self`; both sides treat them as
        // atomic.
        unsafe { (AtomicU64::from_ptr(&raw mut (*ends).written), AtomicU64::from_ptr(&raw mut (*ends).read)) }
    }
}

/// An array in memory that the programs see as well.
struct Shared<T> {
    memory: MmapRaw,
    of: PhantomData<T>,
}

impl<T> Shared<T> {
    fn new(map: &MapData, length: usize) -> io::Result<Self> {
        let memory = MmapOptions::new().len(length * size_of::<T>()).map_raw(map.fd().as_fd().as_raw_fd())?;
        Ok(Self { memory, of: PhantomData })
    }

    /// The address of an element.
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

    /// Two rings in memory that no program sees.
    fn rings() -> Rings {
        Rings { slots: anonymous(2 * SIZE as usize), ends: anonymous(2), size: SIZE, cpus: 2 }
    }

    fn anonymous<T>(length: usize) -> Shared<T> {
        Shared { memory: MmapMut::map_anon(length * size_of::<T>()).unwrap().into(), of: PhantomData }
    }

    /// What a program on CPU 1 does: takes the slots, and, if it is not interrupted for good, fills them.
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

    /// The words of a [`trace::PageEvent`], and the return addresses of its stack.
    fn page(time: u64, frames: &[u64]) -> Vec<u64> {
        let (pid, cpu, kind) = (7, 1 << 32, (Kind::PageAlloc as u64) << 48);
        let mut words = vec![time, pid | cpu | kind, time, 0, 0];
        if !frames.is_empty() {
            words.push(size_of_val(frames) as u64);
            words.extend(frames);
        }
        words
    }

    /// The times of the events that a look finds, and how deep their stacks are.
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
