//! From what a record has (kernel addresses, the kernel's own numbers) to what a trace says (page frames, zones,
//! numbers with names).

use trace::{FragEvent, Kind, NO_PFN, PageEvent, ReclaimEvent, SlabEvent, Task, TaskRecord, UNKNOWN_ZONE, Zone};

use crate::{
    bpf::{Addresses, Record},
    kernel::{Cgroups, Kallsyms},
    names::{Caches, CgroupNames, NameBatch, Stacks, Symbols, Tasks},
};

/// Resolves the addresses and numbers of records.
pub struct Resolver {
    addresses: Addresses,
    /// whether kernel addresses stay as they are
    raw_addresses: bool,
    /// the header's zones
    zones: Vec<Zone>,
    /// index of the zone that was found last
    last_zone: usize,
    symbols: Symbols,
    stacks: Stacks,
    caches: Caches,
    cgroups: CgroupNames,
    tasks: Tasks,
}

/// A record as a trace has it.
pub enum Resolved {
    Page(PageEvent),
    Slab(SlabEvent),
    Frag(FragEvent),
    Reclaim(ReclaimEvent),
    Task(TaskRecord),
    /// the record only said what later ones mean
    Name,
}

impl Resolver {
    /// A resolver that knows the threads which run now.
    pub fn new(
        addresses: Addresses,
        raw_addresses: bool,
        zones: Vec<Zone>,
        kallsyms: Kallsyms,
        cgroups: Cgroups,
    ) -> Self {
        let mut cgroups = CgroupNames::new(cgroups);
        let tasks = Tasks::running(&mut cgroups);
        let (symbols, stacks, caches) = (Symbols::new(kallsyms), Stacks::default(), Caches::default());
        Self { addresses, raw_addresses, zones, last_zone: 0, symbols, stacks, caches, cgroups, tasks }
    }

    /// Resolves a record, but for the slab cache of an object: see [`fill_in_cache`](Self::fill_in_cache).
    pub fn resolve(&mut self, record: Record<'_>) -> Resolved {
        match record {
            Record::Page(mut page, stack) => {
                page.pfn = self.addresses.pfn(page.pfn);
                page.zone = self.zone(page.pfn);
                page.stack = self.stacks.id(stack, page.time, &mut self.symbols);
                Resolved::Page(page)
            }
            Record::Slab(mut slab) => {
                if !self.raw_addresses {
                    slab.object = self.addresses.physical(slab.object);
                    slab.call_site = self.symbols.id(slab.call_site, slab.time);
                }
                Resolved::Slab(slab)
            }
            Record::Frag(mut frag) => {
                // Fallbacks are always read from ftrace's record, which has the frame.
                if frag.kind != Kind::ExtFrag as u8 {
                    frag.pfn = self.addresses.pfn(frag.pfn);
                }
                frag.zone = self.zone(frag.pfn);
                Resolved::Frag(frag)
            }
            Record::Reclaim(mut reclaim) => {
                reclaim.zone = if reclaim.pfn == NO_PFN {
                    self.zone_of_node(reclaim.node, reclaim.zone)
                } else {
                    self.zone(reclaim.pfn)
                };
                Resolved::Reclaim(reclaim)
            }
            Record::Task(task) => Resolved::Task(task),
            Record::Cache(cache) => {
                self.caches.add(&cache);
                Resolved::Name
            }
        }
    }

    /// Fills in number and sizes of an event's slab cache. Another CPU may have introduced the cache a moment before,
    /// so this has to wait until all earlier records have come.
    pub fn fill_in_cache(&self, slab: &mut SlabEvent) {
        if slab.kind == Kind::CacheAlloc as u8 || slab.kind == Kind::CacheFree as u8 {
            self.caches.fill_in(slab);
        }
    }

    /// The header's number of the zone that holds a page frame. The last zone is tried first, because the next frame is
    /// mostly in the same.
    fn zone(&mut self, pfn: u64) -> u8 {
        if !self.zones.get(self.last_zone).is_some_and(|zone| zone.contains(pfn)) {
            let Some(zone) = self.zones.iter().position(|zone| zone.contains(pfn)) else { return UNKNOWN_ZONE };
            self.last_zone = zone;
        }
        self.last_zone as u8
    }

    /// The header's number of the zone that has this number in its node: `/proc/zoneinfo` lists the zones of a node in
    /// that order.
    fn zone_of_node(&self, node: i16, number: u8) -> u8 {
        let of_node = self.zones.iter().enumerate().filter(|(_, zone)| i32::from(zone.node) == i32::from(node));
        of_node.map(|(index, _)| index as u8).nth(usize::from(number)).unwrap_or(UNKNOWN_ZONE)
    }

    /// The rows that the record of a task makes.
    pub fn task(&mut self, record: &TaskRecord) -> Vec<Task> {
        self.tasks.apply(record, &mut self.cgroups)
    }

    /// The rows of all threads that are known.
    pub fn tasks(&self) -> Vec<Task> {
        self.tasks.all()
    }

    /// The names that the current trace was not given yet.
    pub fn take_names(&mut self) -> NameBatch {
        NameBatch {
            symbols: self.symbols.rows.take_unwritten(),
            stacks: self.stacks.rows.take_unwritten(),
            caches: self.caches.rows.take_unwritten(),
            cgroups: self.cgroups.rows.take_unwritten(),
        }
    }

    /// A new trace begins, which has none of the names.
    pub fn start_trace(&mut self) {
        self.symbols.rows.start_trace();
        self.stacks.rows.start_trace();
        self.caches.rows.start_trace();
        self.cgroups.rows.start_trace();
    }
}
