//! Kernel objects: what `perf kmem stat --slab` counts.

use polars::prelude::DataFrame;
use trace::{Header, Kind, Problem, Row as _, SlabEvent, Trace};

use super::{
    site::{Site, fragmentation},
    sort::{ObjectKey, sort_objects},
    wanted::{Arithmetic, Listing, Wanted},
};
use crate::{
    Error,
    fast_hash::NumberMap,
    present::table::{Cell, Table, Unit},
    read::{
        batches::{self, Progress},
        columns::{i16s, u8s, u16s, u32s, u64s},
    },
    units,
};

/// What is remembered of an object that was allocated.
struct Object {
    all: Site,
    /// number of its last call site
    site: u32,
    /// `None` once it was freed
    cpu: Option<u16>,
    last_alloc: u64,
}

/// The kernel objects of a trace.
#[derive(Default)]
pub struct Objects {
    /// bytes that were asked for
    pub requested: u64,
    /// bytes that were given out
    pub allocated: u64,
    /// bytes that were freed
    pub freed: u64,
    /// allocations
    pub allocs: u64,
    /// allocations whose node was asked for and is not the CPU's
    pub cross_node: u64,
    sites: Vec<Site>,
    site_of: NumberMap<u64, u32>,
    by_address: NumberMap<u64, Object>,
    /// where no tables are wanted: bytes of what was allocated last at each address
    sizes: NumberMap<u64, u32>,
}

impl Objects {
    /// Reads the slab events.
    ///
    /// # Errors
    /// If the columns are not what the format says.
    pub fn read(trace: &Trace, wanted: Wanted, progress: Progress<'_>) -> Result<(Self, Vec<Problem>), Error> {
        let mut objects = Self::default();
        let mut columns = vec!["kind", "cpu", "object", "bytes_req", "bytes_alloc", "node"];
        // Without tables, no call sites need be read.
        columns.extend(wanted.tables.then_some("call_site"));
        let problems = batches::for_each(trace, SlabEvent::TABLE, Some(&columns), progress, |batch| {
            objects.batch(&batch, &trace.header, wanted)
        })?;
        Ok((objects, problems))
    }

    fn batch(&mut self, batch: &DataFrame, header: &Header, wanted: Wanted) -> Result<(), Error> {
        let Wanted { arithmetic, tables, .. } = wanted;
        let allocating = [Kind::Kmalloc, Kind::CacheAlloc].map(|kind| header.kinds.get(kind.name()).copied());
        let call_site = if tables { u64s(batch, "call_site")? } else { &[] };
        let (kind, cpu, object, node) =
            (u8s(batch, "kind")?, u16s(batch, "cpu")?, u64s(batch, "object")?, i16s(batch, "node")?);
        let (bytes_req, bytes_alloc) = (u32s(batch, "bytes_req")?, u32s(batch, "bytes_alloc")?);
        for i in 0..batch.height() {
            if !allocating.contains(&Some(kind[i])) {
                if !tables {
                    // To perf, what was freed can be freed again.
                    let size = if arithmetic == Arithmetic::Perf {
                        self.sizes.get(&object[i]).copied()
                    } else {
                        self.sizes.remove(&object[i])
                    };
                    self.freed += u64::from(size.unwrap_or(0));
                    continue;
                }
                self.free(object[i], cpu[i], arithmetic);
                continue;
            }
            let (req, alloc) = (u64::from(bytes_req[i]), u64::from(bytes_alloc[i]));
            self.requested += req;
            self.allocated += alloc;
            self.allocs += 1;
            let here = header.cpu_node.get(usize::from(cpu[i])).copied().unwrap_or(0);
            self.cross_node += u64::from(node[i] >= 0 && node[i].cast_unsigned() != here);
            let is_object = object[i] != 0 || arithmetic == Arithmetic::Perf;
            if !tables {
                if is_object {
                    self.sizes.insert(object[i], bytes_alloc[i]);
                }
                continue;
            }
            let site = self.site(call_site[i]);
            self.sites[site as usize].add(req, alloc);
            if !is_object {
                continue;
            }
            let new = || Object { all: Site { ptr: object[i], ..Site::default() }, site, cpu: None, last_alloc: 0 };
            let known = self.by_address.entry(object[i]).or_insert_with(new);
            known.all.add(req, alloc);
            known.all.call_site = call_site[i];
            (known.site, known.cpu, known.last_alloc) = (site, Some(cpu[i]), alloc);
        }
        Ok(())
    }

    fn site(&mut self, call_site: u64) -> u32 {
        *self.site_of.entry(call_site).or_insert_with(|| {
            self.sites.push(Site { call_site, ..Site::default() });
            self.sites.len() as u32 - 1
        })
    }

    fn free(&mut self, object: u64, cpu: u16, arithmetic: Arithmetic) {
        let Some(known) = self.by_address.get_mut(&object) else { return };
        if known.cpu.is_none() && arithmetic == Arithmetic::Right {
            return;
        }
        self.freed += known.last_alloc;
        if known.cpu != Some(cpu) {
            known.all.pingpong += 1;
            self.sites[known.site as usize].pingpong += 1;
        }
        known.cpu = None;
    }

    /// Returns the call sites, sorted, and whether lines were left out.
    pub fn callers(&self, listing: &Listing<ObjectKey>) -> (Vec<Site>, bool) {
        let mut sites = self.sites.clone();
        sites.sort_by_key(|site| site.call_site);
        cut(sites, listing)
    }

    /// Returns the objects, sorted, and whether lines were left out.
    pub fn pointers(&self, listing: &Listing<ObjectKey>) -> (Vec<Site>, bool) {
        let mut sites: Vec<Site> = self.by_address.values().map(|object| object.all).collect();
        sites.sort_by_key(|site| site.ptr);
        cut(sites, listing)
    }

    /// Returns the totals as a table.
    pub fn summary(&self) -> Table {
        let mut table = Table::new("Slab allocator");
        table.column("what", "What", Unit::Text).column("bytes", "Bytes", Unit::Bytes).column(
            "exact",
            "Exactly",
            Unit::Count,
        );
        let signed = [self.requested, self.allocated, self.freed].map(u64::cast_signed);
        let lines = [
            ("requested", signed[0]),
            ("allocated", signed[1]),
            ("freed", signed[2]),
            ("net allocated", signed[1] - signed[2]),
            ("wasted on internal fragmentation", signed[1] - signed[0]),
        ];
        for (what, bytes) in lines {
            table.row(vec![Cell::Text(what.into()), Cell::Integer(bytes), Cell::Integer(bytes)]);
        }
        table.note(format!("internal fragmentation: {:.6} %", fragmentation(self.requested, self.allocated)));
        let [cross_node, allocs] = [self.cross_node, self.allocs].map(|number| units::count(number.cast_signed()));
        table.note(format!("cross-node allocations: {cross_node} of {allocs}"));
        table
    }

    /// Returns call sites or objects as a table; `name` says what the first column shows.
    pub fn table(
        title: &str,
        heading: &str,
        (sites, cut): &(Vec<Site>, bool),
        name: impl Fn(&Site) -> String,
    ) -> Table {
        let mut table = Table::new(title);
        table.column(heading.to_lowercase().replace(' ', ""), heading, Unit::Text).column(
            "total_alloc",
            "Total alloc",
            Unit::Bytes,
        );
        table.column("per_alloc", "Per", Unit::Bytes).column("total_req", "Total req", Unit::Bytes).column(
            "per_req",
            "Per",
            Unit::Bytes,
        );
        table.column("hit", "Hit", Unit::Count).column("pingpong", "Ping-pong", Unit::Count).column(
            "frag",
            "Frag",
            Unit::Fraction,
        );
        for site in sites {
            let count = |number: u64| Cell::Integer(number.cast_signed());
            let (hits, fragmentation) = (site.hit.max(1), Cell::Real(site.fragmentation() / 100.0));
            let numbers = [
                site.bytes_alloc,
                site.bytes_alloc / hits,
                site.bytes_req,
                site.bytes_req / hits,
                site.hit,
                site.pingpong,
            ]
            .map(count);
            table.row(std::iter::once(Cell::Text(name(site))).chain(numbers).chain([fragmentation]).collect());
        }
        if *cut {
            table.note("there are more rows than were asked for with --line");
        }
        table
    }
}

/// Sorts a table and cuts it to the lines that are wanted; whether lines were left out.
fn cut(mut sites: Vec<Site>, listing: &Listing<ObjectKey>) -> (Vec<Site>, bool) {
    sort_objects(&mut sites, &listing.sort);
    let lines = listing.lines.unwrap_or(usize::MAX);
    let more = sites.len() > lines;
    sites.truncate(lines);
    (sites, more)
}
