//! The questions of `perf kmem stat`, answered with its arithmetic where that is asked for.
//!
//! perf identifies a page by its first frame only and never looks into a block; a re-allocation of a frame that it believes live keeps the old
//! entry. That differs from this crate's other statistics (which follow each frame) wherever frees were missed or blocks were split, so it is
//! computed here by itself. Source: `tools/perf/builtin-kmem.c`.

use std::collections::BTreeMap;

use polars::prelude::DataFrame;
use trace::{Header, Kind, NO_PFN, PageEvent, Problem, Row as _, SlabEvent, Trace};

use crate::{
    Error,
    columns::{i16s, u8s, u16s, u32s, u64s},
    fast_hash::{NumberMap, NumberSet},
    frames::{self, Progress},
    table::{Cell, Table, Unit},
};

/// What perf calls the migratetypes. Kernels since 4.x have Movable before Reclaimable, and since 2015 no Reserved.
pub const PERF_MIGRATETYPES: [&str; 5] = ["Unmovable", "Reclaimable", "Movable", "Reserved", "CMA/Isolated"];

/// Requests and their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sum {
    /// how many
    pub count: u64,
    /// bytes
    pub bytes: u64,
}

impl Sum {
    fn add(&mut self, bytes: u64) {
        self.count += 1;
        self.bytes += bytes;
    }

    fn minus(self, other: Self) -> Self {
        Self { count: self.count.wrapping_sub(other.count), bytes: self.bytes.wrapping_sub(other.bytes) }
    }
}

/// `perf kmem stat --page`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pages {
    /// allocation requests, failures included
    pub allocs: Sum,
    /// free requests
    pub frees: Sum,
    /// frees whose page was not known to be allocated
    pub free_only: Sum,
    /// requests that failed
    pub failures: Sum,
    /// successful allocations by order and migratetype
    pub by_order: BTreeMap<(u8, u8), u64>,
}

impl Pages {
    /// Allocations that were freed.
    pub fn alloc_and_freed(&self) -> Sum {
        self.frees.minus(self.free_only)
    }

    /// Allocations that were not freed; perf counts failures among them.
    pub fn alloc_only(&self) -> Sum {
        self.allocs.minus(self.alloc_and_freed())
    }

    /// Reads the page events.
    ///
    /// # Errors
    /// If the columns are not what the format says.
    pub fn read(trace: &Trace, progress: Progress<'_>) -> Result<(Self, Vec<Problem>), Error> {
        let mut pages = Self::default();
        // First frame of what is live.
        let mut live: NumberSet<u64> = NumberSet::default();
        let page_alloc = number(&trace.header, Kind::PageAlloc);
        let columns = ["kind", "pfn", "order", "migratetype"];
        let problems = frames::for_each(trace, PageEvent::TABLE, Some(&columns), progress, |frame| {
            pages.frame(&frame, page_alloc, trace.header.page_size, &mut live)
        })?;
        Ok((pages, problems))
    }

    fn frame(&mut self, frame: &DataFrame, page_alloc: Option<u8>, page_size: u64, live: &mut NumberSet<u64>) -> Result<(), Error> {
        let (kind, pfn, order, migratetype) = (u8s(frame, "kind")?, u64s(frame, "pfn")?, u8s(frame, "order")?, u8s(frame, "migratetype")?);
        for i in 0..frame.height() {
            let bytes = page_size << order[i].min(31);
            if Some(kind[i]) == page_alloc {
                self.allocs.add(bytes);
                if pfn[i] == NO_PFN {
                    self.failures.add(bytes);
                    continue;
                }
                *self.by_order.entry((order[i], migratetype[i])).or_default() += 1;
                live.insert(pfn[i]);
            } else {
                self.frees.add(bytes);
                if !live.remove(&pfn[i]) {
                    self.free_only.add(bytes);
                }
            }
        }
        Ok(())
    }

    /// The totals.
    pub fn summary(&self) -> Table {
        let mut table = Table::new("Page allocator");
        table.column("what", "What", Unit::Text).column("count", "Requests", Unit::Count).column("bytes", "Bytes", Unit::Bytes);
        let lines = [
            ("total allocation requests", self.allocs),
            ("total free requests", self.frees),
            ("total alloc+freed requests", self.alloc_and_freed()),
            ("total alloc-only requests", self.alloc_only()),
            ("total free-only requests", self.free_only),
            ("total allocation failures", self.failures),
        ];
        for (what, Sum { count, bytes }) in lines {
            table.row(vec![Cell::Text(what.into()), Cell::Integer(count.cast_signed()), Cell::Integer(bytes.cast_signed())]);
        }
        table.note("alloc-only: not freed within the trace, or failed");
        table
    }

    /// Allocations by order and migratetype, a column per migratetype; `names` are those of the first ones, if not the traced kernel's.
    pub fn orders(&self, header: &Header, names: &[&str]) -> Table {
        let mut table = Table::new("Allocations by order and migratetype");
        table.column("order", "Order", Unit::Number);
        let last = self.by_order.keys().map(|(_, migratetype)| *migratetype).max().unwrap_or(0);
        let migratetypes = header.migratetypes.len().max(usize::from(last) + 1) as u8;
        for migratetype in 0..migratetypes {
            let name = names.get(usize::from(migratetype)).map_or_else(|| header.migratetype_name(migratetype), |name| (*name).to_owned());
            table.column(name.to_lowercase(), name, Unit::Count);
        }
        for order in 0..header.nr_orders {
            let count = |migratetype| self.by_order.get(&(order, migratetype)).copied().unwrap_or(0);
            let counts = (0..migratetypes).map(|migratetype| Cell::Integer(count(migratetype).cast_signed()));
            table.row(std::iter::once(Cell::Integer(i64::from(order))).chain(counts).collect());
        }
        table
    }
}

/// One call site or object of `perf kmem stat --slab`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Site {
    /// allocations
    pub hit: u64,
    /// bytes that were asked for
    pub bytes_req: u64,
    /// bytes that were given out
    pub bytes_alloc: u64,
    /// frees on another CPU than the allocation's
    pub pingpong: u64,
}

/// `perf kmem stat --slab`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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
    /// by call site
    pub callers: BTreeMap<u64, Site>,
}

/// What is remembered of an object.
#[derive(Clone, Copy)]
struct Object {
    call_site: u64,
    /// `None` once it was freed
    cpu: Option<u16>,
    last_alloc: u64,
}

impl Objects {
    /// Reads the slab events.
    ///
    /// # Errors
    /// If the columns are not what the format says.
    pub fn read(trace: &Trace, progress: Progress<'_>) -> Result<(Self, Vec<Problem>), Error> {
        let mut objects = Self::default();
        let mut known: NumberMap<u64, Object> = NumberMap::default();
        let columns = ["kind", "cpu", "object", "call_site", "bytes_req", "bytes_alloc", "node"];
        let problems = frames::for_each(trace, SlabEvent::TABLE, Some(&columns), progress, |frame| objects.frame(&frame, &trace.header, &mut known))?;
        Ok((objects, problems))
    }

    fn frame(&mut self, frame: &DataFrame, header: &Header, known: &mut NumberMap<u64, Object>) -> Result<(), Error> {
        let allocating = [number(header, Kind::Kmalloc), number(header, Kind::CacheAlloc)];
        let (kind, cpu, object, call_site) = (u8s(frame, "kind")?, u16s(frame, "cpu")?, u64s(frame, "object")?, u64s(frame, "call_site")?);
        let (bytes_req, bytes_alloc, node) = (u32s(frame, "bytes_req")?, u32s(frame, "bytes_alloc")?, i16s(frame, "node")?);
        for i in 0..frame.height() {
            if allocating.contains(&Some(kind[i])) {
                let (req, alloc) = (u64::from(bytes_req[i]), u64::from(bytes_alloc[i]));
                let site = self.callers.entry(call_site[i]).or_default();
                site.hit += 1;
                site.bytes_req += req;
                site.bytes_alloc += alloc;
                self.requested += req;
                self.allocated += alloc;
                self.allocs += 1;
                let here = header.cpu_node.get(usize::from(cpu[i])).copied().unwrap_or(0);
                self.cross_node += u64::from(node[i] >= 0 && node[i].cast_unsigned() != here);
                known.insert(object[i], Object { call_site: call_site[i], cpu: Some(cpu[i]), last_alloc: alloc });
            } else if let Some(found) = known.get_mut(&object[i]) {
                // perf adds the bytes again when an object that it believes freed is freed again.
                self.freed += found.last_alloc;
                if found.cpu != Some(cpu[i]) {
                    self.callers.entry(found.call_site).or_default().pingpong += 1;
                }
                found.cpu = None;
            }
        }
        Ok(())
    }

    /// The totals.
    pub fn summary(&self) -> Table {
        let mut table = Table::new("Slab allocator");
        table.column("what", "What", Unit::Text).column("bytes", "Bytes", Unit::Bytes).column("exact", "Exactly", Unit::Count);
        let net = self.allocated.cast_signed() - self.freed.cast_signed();
        let lines = [
            ("requested", self.requested.cast_signed()),
            ("allocated", self.allocated.cast_signed()),
            ("freed", self.freed.cast_signed()),
            ("net allocated", net),
            ("wasted on internal fragmentation", self.allocated.cast_signed() - self.requested.cast_signed()),
        ];
        for (what, bytes) in lines {
            table.row(vec![Cell::Text(what.into()), Cell::Integer(bytes), Cell::Integer(bytes)]);
        }
        let share = (1.0 - self.requested as f64 / self.allocated.max(1) as f64) * 100.0;
        table.note(format!("internal fragmentation: {share:.6} %"));
        table.note(format!("cross-node allocations: {} of {}", self.cross_node, self.allocs));
        table
    }

    /// By call site, most fragmented first, as perf sorts them.
    pub fn callers(&self, name: impl Fn(u64) -> String) -> Table {
        let mut table = Table::new("Kernel objects by call site");
        table.column("callsite", "Call site", Unit::Text).column("total_alloc", "Total alloc", Unit::Bytes);
        table.column("per_alloc", "Per", Unit::Bytes).column("total_req", "Total req", Unit::Bytes).column("per_req", "Per", Unit::Bytes);
        table.column("hit", "Hit", Unit::Count).column("pingpong", "Ping-pong", Unit::Count).column("frag", "Frag", Unit::Fraction);
        let fragmentation = |site: &Site| 1.0 - site.bytes_req as f64 / site.bytes_alloc.max(1) as f64;
        let mut sites: Vec<_> = self.callers.iter().filter(|(_, site)| site.hit > 0).collect();
        sites.sort_by(|(_, a), (_, b)| fragmentation(b).total_cmp(&fragmentation(a)).then(b.hit.cmp(&a.hit)).then(b.bytes_alloc.cmp(&a.bytes_alloc)));
        for (call_site, site) in sites {
            let count = |number: u64| Cell::Integer(number.cast_signed());
            table.row(vec![
                Cell::Text(name(*call_site)),
                count(site.bytes_alloc),
                count(site.bytes_alloc / site.hit),
                count(site.bytes_req),
                count(site.bytes_req / site.hit),
                count(site.hit),
                count(site.pingpong),
                Cell::Real(fragmentation(site)),
            ]);
        }
        table
    }
}

fn number(header: &Header, kind: Kind) -> Option<u8> {
    header.kinds.get(kind.name()).copied()
}
