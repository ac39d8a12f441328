//! The conversion of the kernel addresses in records to page frame numbers and physical addresses.
//!
//! Raw tracepoints report a `struct page *`, and a trace stores page frame numbers. The kernel's `vmemmap` array of
//! these structures is linear, so two points determine it. To learn them, this process allocates pages while two
//! programs run, one that sees the pointer and one that sees the frame number of the same allocation. Nothing is read
//! from kernel memory, and no symbol has to be exported. In the same way, the start of the direct map follows from a
//! large `kmalloc`, whose object consists of whole pages.

use std::{
    collections::{BTreeSet, HashMap},
    hint::black_box,
    process,
};

use trace::{NO_PFN, PageEvent, Program, SlabEvent};

use super::{
    capture::{Capture, Settings},
    filter::Filter,
    record::Record,
    source::Source,
};
use crate::{Error, kernel::Tracefs};

/// The bases by which the kernel's addresses are converted to frame numbers and physical addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses {
    /// The address of the `struct page` of frame 0, and the size of a `struct page` in bytes; `None` if the records
    /// hold frame numbers.
    vmemmap: Option<(u64, u64)>,
    /// The kernel address of physical address 0 in the direct map; `None` if it could not be learned.
    direct_map: Option<u64>,
}

impl Addresses {
    /// Learns the addresses by watching allocations of this process.
    ///
    /// # Errors
    /// [`Error::Bpf`] if the programs cannot run, or if the pointers and frame numbers that they saw are not on one
    /// line.
    pub fn learn(tracefs: &Tracefs, source: Source) -> Result<Self, Error> {
        const TRIES: usize = 3;
        let mut learned = None;
        for _ in 0..TRIES {
            learned = Self::try_learn(tracefs, source)?;
            if learned.as_ref().is_some_and(|learned| learned.direct_map.is_some()) {
                break;
            }
        }
        learned.ok_or_else(|| Error::Bpf {
            what: "a linear map of page structures".to_owned(),
            reason: format!(
                "in {TRIES} tries, pointers and frame numbers of the same allocations did not fit one line"
            ),
        })
    }

    /// Tries once to learn the addresses. Returns `None` if the pointers and frame numbers that the programs saw are
    /// not on one line.
    fn try_learn(tracefs: &Tracefs, source: Source) -> Result<Option<Self>, Error> {
        // An interrupt may allocate in between, so one object proves nothing. Several objects that give the same base
        // do.
        const ENOUGH: usize = 4;
        let page_size = procfs::page_size();
        let filter = Filter { only_tgid: process::id(), ..Filter::default() };
        let settings = |source, programs| Settings {
            programs,
            source,
            ring_size: 1 << 20,
            filter: filter.clone(),
            stack_sample: 0,
        };
        // One capture sees frame numbers, the other pointers. Each capture has rings of its own, and the order within a
        // ring shows which records belong together.
        let mut frames =
            Capture::load(tracefs, &settings(Source::Tracepoint, vec![Program::PageAlloc, Program::Kmalloc]))?;
        let mut pointers = match source {
            Source::Raw => Some(Capture::load(tracefs, &settings(Source::Raw, vec![Program::PageAlloc]))?),
            Source::Tracepoint => None,
        };
        frames.attach()?;
        if let Some(pointers) = &mut pointers {
            pointers.attach()?;
        }
        let allocated = allocate_some(page_size);
        if let Some(pointers) = &mut pointers {
            pointers.detach()?;
        }
        frames.detach()?;
        black_box(allocated);

        let (mut seen_frames, mut seen_pointers, mut bases) = (Vec::new(), Vec::new(), HashMap::<u64, usize>::new());
        let mut last_of_order = HashMap::new();
        frames.drain(|record| match record {
            Record::Page(page, _) if page.pfn != NO_PFN => {
                last_of_order.insert(page.order, page.pfn);
                seen_frames.push(Allocation::from(page));
            }
            Record::Slab(SlabEvent { bytes_alloc, object, .. }) if u64::from(bytes_alloc) >= 4 * page_size => {
                let order = (u64::from(bytes_alloc) / page_size).ilog2() as u8;
                if let Some(pfn) = last_of_order.get(&order) {
                    *bases.entry(object.wrapping_sub(pfn * page_size)).or_default() += 1;
                }
            }
            _ => {}
        });
        let direct_map = bases
            .into_iter()
            .max_by_key(|(_, count)| *count)
            .filter(|(_, count)| *count >= ENOUGH)
            .map(|(base, _)| base);

        let Some(mut pointers) = pointers else { return Ok(Some(Self { vmemmap: None, direct_map })) };
        pointers.drain(|record| {
            if let Record::Page(page, _) = record
                && page.pfn != 0
            {
                seen_pointers.push(Allocation::from(page));
            }
        });
        Ok(vmemmap(&seen_pointers, &seen_frames).map(|vmemmap| Self { vmemmap: Some(vmemmap), direct_map }))
    }

    /// Returns whether [`Self::physical`] returns physical addresses.
    pub fn objects_are_physical(&self) -> bool {
        self.direct_map.is_some()
    }

    /// Returns the page frame number of the page in a record.
    pub fn pfn(&self, page: u64) -> u64 {
        match self.vmemmap {
            None => page,
            // A NULL page means that the allocation failed.
            Some(_) if page == 0 => NO_PFN,
            Some((base, size)) => page.wrapping_sub(base) / size,
        }
    }

    /// Returns where the `struct page`s of `frames` page frames from `start_pfn` on are: the address of the first, and
    /// the number of bytes that all of them take. Returns `None` if the records hold frame numbers.
    pub fn page_structs(&self, start_pfn: u64, frames: u64) -> Option<[u64; 2]> {
        self.vmemmap.map(|(base, size)| [base.wrapping_add(start_pfn.wrapping_mul(size)), frames.wrapping_mul(size)])
    }

    /// Returns the physical address of an object; 0 for NULL.
    pub fn physical(&self, object: u64) -> u64 {
        // If the direct map is unknown, a constant is subtracted, which hides the address and keeps objects distinct.
        // Such objects cannot be linked to page frames.
        if object == 0 { 0 } else { object.wrapping_sub(self.direct_map.unwrap_or(1 << 63)) }
    }
}

/// The values of an allocation that both captures see, and its page: a pointer in one capture, a frame number in the
/// other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Allocation {
    cpu: u16,
    order: u8,
    gfp: u32,
    page: u64,
}

impl From<PageEvent> for Allocation {
    fn from(PageEvent { cpu, order, gfp, pfn: page, .. }: PageEvent) -> Self {
        Self { cpu, order, gfp, page }
    }
}

/// Returns the start of the `vmemmap` array and the size of its elements in bytes. The capture of frame numbers was
/// attached longer, so the pointers that were seen on a CPU belong to a contiguous part of the frame numbers that were
/// seen there.
fn vmemmap(pointers: &[Allocation], frames: &[Allocation]) -> Option<(u64, u64)> {
    let on =
        |seen: &[Allocation], cpu| seen.iter().copied().filter(|allocation| allocation.cpu == cpu).collect::<Vec<_>>();
    let cpus: BTreeSet<u16> = pointers.iter().map(|pointer| pointer.cpu).collect();
    cpus.into_iter().find_map(|cpu| {
        let pointers = on(pointers, cpu);
        on(frames, cpu).windows(pointers.len()).find_map(|frames| line(&pointers, frames))
    })
}

/// Returns the start and slope of the line through all pairs, if there is one. Eight points do not lie on one line by
/// chance.
fn line(pointers: &[Allocation], frames: &[Allocation]) -> Option<(u64, u64)> {
    const ENOUGH: usize = 8;
    let pairs = || pointers.iter().zip(frames);
    let same = |(a, b): (&Allocation, &Allocation)| (a.order, a.gfp) == (b.order, b.gfp);
    (pointers.len() >= ENOUGH && pairs().all(same)).then_some(())?;
    let (least, greatest) =
        (pairs().min_by_key(|(_, frame)| frame.page)?, pairs().max_by_key(|(_, frame)| frame.page)?);
    let size = greatest.0.page.checked_sub(least.0.page)?.checked_div(greatest.1.page - least.1.page)?;
    let base = least.0.page.wrapping_sub(least.1.page.wrapping_mul(size));
    (size != 0 && pairs().all(|(pointer, frame)| pointer.page == base.wrapping_add(frame.page.wrapping_mul(size))))
        .then_some((base, size))
}

/// Causes the kernel to allocate single pages, and objects that consist of whole pages: the slot arrays of large pipes
/// (`pipe_resize_ring` in fs/pipe.c: 256 slots of 40 bytes need order 2).
fn allocate_some(page_size: u64) -> (Vec<u8>, Vec<std::io::PipeReader>) {
    use std::os::fd::AsRawFd as _;
    let mut memory = vec![0_u8; 64 * page_size as usize];
    memory.iter_mut().step_by(page_size as usize).for_each(|byte| *byte = 1);
    let mut pipes = Vec::new();
    for _ in 0..16 {
        let Ok((reader, _writer)) = std::io::pipe() else { break };
        // SAFETY: the system call takes an open descriptor, and std has no function for it. If it fails, there is one
        // sample less.
        unsafe { libc::fcntl(reader.as_raw_fd(), libc::F_SETPIPE_SZ, 1 << 20) };
        pipes.push(reader);
    }
    (memory, pipes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: u64 = 0xffff_ea00_0000_0000;

    fn allocations(pages: impl IntoIterator<Item = u64>) -> Vec<Allocation> {
        pages.into_iter().map(|page| Allocation { cpu: 1, order: 0, gfp: 0xcc0, page }).collect()
    }

    #[test]
    fn the_line_is_found_where_one_capture_saw_more() {
        let frames = [99, 7, 5, 900, 7, 33, 34, 12, 1000, 4, 5];
        let pointers = allocations(frames[2..10].iter().map(|pfn| BASE + 64 * pfn));
        assert_eq!(vmemmap(&pointers, &allocations(frames)), Some((BASE, 64)));
    }

    #[test]
    fn no_line_is_made_up() {
        let frames = [5, 900, 7, 33, 34, 12, 1000, 4];
        let mut pointers = allocations(frames.map(|pfn| BASE + 64 * pfn));
        assert_eq!(vmemmap(&pointers[..7], &allocations(frames)), None, "too few points");
        pointers[3].page += 64;
        assert_eq!(vmemmap(&pointers, &allocations(frames)), None, "one point off the line");
        assert_eq!(vmemmap(&allocations([BASE; 8]), &allocations([5; 8])), None, "one point only");
    }

    #[test]
    fn addresses_become_frames() {
        let addresses = Addresses { vmemmap: Some((BASE, 64)), direct_map: Some(0xffff_8880_0000_0000) };
        assert_eq!(addresses.pfn(BASE + 0x80), 2);
        assert_eq!(addresses.page_structs(2, 10), Some([BASE + 0x80, 640]));
        assert_eq!(addresses.pfn(0), NO_PFN);
        assert_eq!(addresses.physical(0xffff_8880_0000_1234), 0x1234);
        assert_eq!(addresses.physical(0), 0);
    }
}
