//! The counting programs at work on this host, and the names of what they count.

use trace::{Family as Events, Program, Wait, Zone};

use super::{
    column::{Column, Family},
    key_names::KeyNames,
    report::Report,
};
use crate::{
    Error,
    bpf::{Addresses, CountSettings, Counting, Sample, Source},
    filter::Filter,
    kernel::{Cgroups, Kallsyms, Tracefs, describe, monotonic_ns},
    os::privilege,
};

/// What to count.
#[derive(Debug, Clone)]
pub struct Options {
    /// what to count: pages, kmalloc and kfree, the slab caches' own calls
    pub events: Vec<Events>,
    /// what to tell apart
    pub by: Vec<Column>,
    /// which events
    pub filter: Filter,
    /// how many different combinations of the columns there shall be room for
    pub rows: u32,
}

/// Counts since it was started.
pub struct Counter {
    counting: Counting,
    names: KeyNames,
    families: Vec<Family>,
    by: Vec<Column>,
    /// When nothing was counted yet.
    first: Sample,
}

impl Counter {
    /// Loads the programs and attaches them. The caller then drops the privileges.
    ///
    /// # Errors
    /// What this host lacks, or the kernel refuses.
    pub fn start(options: &Options) -> Result<Self, Error> {
        privilege::check()?;
        let by = Column::set(&options.by);
        let programs: Vec<_> =
            Program::ALL.into_iter().filter(|program| options.events.contains(&program.family())).collect();
        let of = |family: &Family| programs.iter().any(|program| Family::of(*program) == Some(*family));
        let families = Family::ALL.into_iter().filter(of).collect();
        let tracefs = Tracefs::find()?;
        // The kernel's table of GFP flags is in the format of `mm_page_alloc`, whatever is counted.
        let header = describe(&tracefs, &[Program::PageAlloc])?;
        let filter = options.filter.resolve(&header, &Cgroups::find())?;
        // The largest zone first: most pages are found there at once.
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
        Ok(Self { counting, names: KeyNames::new(header, zones, kallsyms), families, by: options.by.clone(), first })
    }

    /// When it was started, with no counts.
    pub fn first(&self) -> &Sample {
        &self.first
    }

    /// What the numbers in samples are called.
    pub fn names(&self) -> &KeyNames {
        &self.names
    }

    /// The latencies that cannot be measured here, and why.
    pub fn unavailable(&self) -> &[(Wait, String)] {
        self.counting.unavailable()
    }

    /// All counts up to now.
    ///
    /// # Errors
    /// [`Error::Bpf`]
    pub fn sample(&mut self) -> Result<Sample, Error> {
        self.look(self.counting.missed())
    }

    /// Detaches the programs, and gives the last counts.
    ///
    /// # Errors
    /// [`Error::Bpf`]
    pub fn stop(&mut self) -> Result<Sample, Error> {
        // A detached program has no misses any more.
        let missed = self.counting.missed();
        self.counting.stop()?;
        self.look(missed)
    }

    fn look(&mut self, missed: Vec<(Program, u64)>) -> Result<Sample, Error> {
        let sample = self.counting.sample(missed)?;
        self.names.learn(self.counting.caches()?);
        Ok(sample)
    }

    /// What was counted between two samples.
    pub fn report(&self, first: &Sample, from: &Sample, to: &Sample) -> Report {
        Report::new(to.time.saturating_sub(first.time), &to.since(from), &self.families, &self.by, &self.names)
    }
}
