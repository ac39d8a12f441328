//! The conversion of a record's values (kernel addresses, the kernel's own numbers) to those of a trace (page frames,
//! zones, numbers with names).

use trace::{FragEvent, Kind, NO_PFN, PageEvent, ReclaimEvent, SlabEvent, Task, TaskRecord, UNKNOWN_ZONE, Zone};

use crate::{
    bpf::{Addresses, Record},
    kernel::{Cgroups, Kallsyms},
    names::{Caches, CgroupNames, NameBatch, Stacks, Symbols, Tasks},
};

/// Resolves the addresses and numbers of records.
pub struct Resolver {
    addresses: Addresses,
    /// Whether kernel addresses are stored as they are.
    raw_addresses: bool,
    /// The header's zones.
    zones: Vec<Zone>,
    /// The index of the zone that was found last.
    last_zone: usize,
    symbols: Symbols,
    stacks: Stacks,
    caches: Caches,
    cgroups: CgroupNames,
    tasks: Tasks,
}

/// A record with the values that a trace has.
pub enum Resolved {
    Page(PageEvent),
    Slab(SlabEvent),
    Frag(FragEvent),
    Reclaim(ReclaimEvent),
    Task(TaskRecord),
    /// The record only gave the meaning of a number in later records.
    Name,
}

impl Resolver {
    /// Returns a resolver that knows the threads that run now.
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

    /// Resolves a record, except for the slab cache of an object; see [`fill_in_cache`](Self::fill_in_cache).
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
                // Fallbacks are always read from ftrace's records, which have the frame number.
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

    /// Sets the number and the sizes of an event's slab cache. Another CPU may have emitted the cache's record a moment
    /// before, so this must be called after all earlier records have come.
    pub fn fill_in_cache(&self, slab: &mut SlabEvent) {
        if slab.kind == Kind::CacheAlloc as u8 || slab.kind == Kind::CacheFree as u8 {
            self.caches.fill_in(slab);
        }
    }

    /// Returns the header's number of the zone that holds a page frame. The last zone is tried first, because
    /// consecutive frames are mostly in the same zone.
    fn zone(&mut self, pfn: u64) -> u8 {
        if !self.zones.get(self.last_zone).is_some_and(|zone| zone.contains(pfn)) {
            let Some(zone) = self.zones.iter().position(|zone| zone.contains(pfn)) else { return UNKNOWN_ZONE };
            self.last_zone = zone;
        }
        self.last_zone as u8
    }

    /// Returns the header's number of the zone with the number `number` in its node. `/proc/zoneinfo` lists the zones
    /// of a node in the order of these numbers.
    fn zone_of_node(&self, node: i16, number: u8) -> u8 {
        let of_node = self.zones.iter().enumerate().filter(|(_, zone)| i32::from(zone.node) == i32::from(node));
        of_node.map(|(index, _)| index as u8).nth(usize::from(number)).unwrap_or(UNKNOWN_ZONE)
    }

    /// Returns the rows for the record of a task.
    pub fn task(&mut self, record: &TaskRecord) -> Vec<Task> {
        self.tasks.apply(record, &mut self.cgroups)
    }

    /// Returns the rows of all known threads.
    pub fn tasks(&self) -> Vec<Task> {
        self.tasks.all()
    }

    /// Returns the names that the current trace does not have yet.
    pub fn take_names(&mut self) -> NameBatch {
        NameBatch {
            symbols: self.symbols.rows.take_unwritten(),
            stacks: self.stacks.rows.take_unwritten(),
            caches: self.caches.rows.take_unwritten(),
            cgroups: self.cgroups.rows.take_unwritten(),
        }
    }

    /// Starts a new trace, which has none of the names.
    pub fn start_trace(&mut self) {
        self.symbols.rows.start_trace();
        self.stacks.rows.start_trace();
        self.caches.rows.start_trace();
        self.cgroups.rows.start_trace();
    }
}
