//! The attached counting programs, with the names for what they count.

use trace::{Family, Program, Wait, Zone};

use super::{allocator::Allocator, column::Column, key_names::KeyNames, report::Report};
use crate::{
    Error,
    bpf::{Addresses, CountSettings, Counting, Sample, Source},
    filter::Filter,
    kernel::{Cgroups, Kallsyms, Tracefs, describe, monotonic_ns},
    os::privilege,
};

/// The options for counting.
#[derive(Debug, Clone)]
pub struct Options {
    /// The families of events to count: those of pages, of kmalloc and kfree, and of the slab caches.
    pub events: Vec<Family>,
    /// The columns to tell apart.
    pub by: Vec<Column>,
    /// The filter, which says which events of these families are counted.
    pub filter: Filter,
    /// The number of different combinations of the columns for which the eBPF map shall have room.
    pub rows: u32,
}

/// The attached counting programs, which count until they are stopped.
pub struct Counter {
    counting: Counting,
    names: KeyNames,
    allocators: Vec<Allocator>,
    by: Vec<Column>,
    /// The sample of the start, when nothing was counted yet.
    first: Sample,
}

impl Counter {
    /// Loads the programs and attaches them. The caller drops the privileges afterwards.
    ///
    /// # Errors
    /// [`Error`] if this host lacks something, or if the kernel refuses it.
    pub(crate) fn start(options: &Options) -> Result<Self, Error> {
        privilege::check()?;
        let by = Column::set(&options.by);
        let programs: Vec<_> =
            Program::ALL.into_iter().filter(|program| options.events.contains(&program.family())).collect();
        let of = |allocator: &Allocator| programs.iter().any(|program| Allocator::of(*program) == Some(*allocator));
        let allocators = Allocator::ALL.into_iter().filter(of).collect();
        let tracefs = Tracefs::find()?;
        // The kernel's table of GFP flags is in the format of `mm_page_alloc`, whatever is counted.
        let header = describe(&tracefs, &[Program::PageAlloc])?;
        let filter = options.filter.resolve(&header, &Cgroups::find())?;
        // The programs search the zones in this order. Most pages are in the largest zone, so it comes first.
        let mut zones: Vec<usize> = (0..header.zones.len()).filter(|zone| header.zones[*zone].spanned > 0).collect();
        zones.sort_by_key(|zone| std::cmp::Reverse(header.zones[*zone].managed));
        let zone_spans = if options.by.contains(&Column::Zone) {
            let addresses = Addresses::learn(&tracefs, Source::Raw)?;
            let span = |Zone { start_pfn, spanned, .. }: &Zone| addresses.page_structs(*start_pfn, *spanned);
            zones.iter().filter_map(|zone| span(&header.zones[*zone])).collect()
        } else {
            Vec::new()
        };
        let kallsyms = if options.by.contains(&Column::CallSite) { Kallsyms::read()? } else { Kallsyms::default() };
        let counting =
            Counting::start(&tracefs, &CountSettings { programs, by, filter, rows: options.rows, zone_spans })?;
        let first = Sample { time: monotonic_ns(), ..Sample::default() };
        Ok(Self { counting, names: KeyNames::new(header, zones, kallsyms), allocators, by: options.by.clone(), first })
    }

    /// Returns the sample of the start, which has no counts.
    pub(crate) fn first(&self) -> &Sample {
        &self.first
    }

    /// Returns the names for the numbers in samples.
    pub(crate) fn names(&self) -> &KeyNames {
        &self.names
    }

    /// Returns the latencies that cannot be measured on this host, with the reasons.
    pub fn unavailable(&self) -> &[(Wait, String)] {
        self.counting.unavailable()
    }

    /// Returns the counts up to now.
    ///
    /// # Errors
    /// [`Error::Bpf`] if the eBPF maps cannot be read.
    pub(crate) fn sample(&mut self) -> Result<Sample, Error> {
        self.read(self.counting.missed())
    }

    /// Detaches the programs, and returns the last counts.
    ///
    /// # Errors
    /// [`Error::Bpf`]
    pub(crate) fn stop(&mut self) -> Result<Sample, Error> {
        // The misses are read before the programs are detached, because a detached program reports none.
        let missed = self.counting.missed();
        self.counting.stop()?;
        self.read(missed)
    }

    /// Reads the counts, and the names of the slab caches in them.
    fn read(&mut self, missed: Vec<(Program, u64)>) -> Result<Sample, Error> {
        let sample = self.counting.sample(missed)?;
        self.names.add_caches(self.counting.caches()?);
        Ok(sample)
    }

    /// Returns the report of the counts between the samples `from` and `to`; `first` is the sample of the start.
    pub(crate) fn report(&self, first: &Sample, from: &Sample, to: &Sample) -> Report {
        Report::new(to.time.saturating_sub(first.time), &to.since(from), &self.allocators, &self.by, &self.names)
    }
}
