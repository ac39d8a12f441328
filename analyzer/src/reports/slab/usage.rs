//! What is taken from the slab allocator and how much of it nobody asked for, now and at its worst: the columns of
//! `trace-cmd mem`, by any key.

use trace::{Header, Trace};

use super::size_classes::{Misfit, SizeClasses};
use crate::{
    Error, Events, Key, Loss,
    aggregate::accumulator::{Accumulator, accumulate},
    decode::{key::UNKNOWN, names::Names},
    fast_hash::NumberMap,
    matching::event::{Class, MatchedEvent},
    present::table::{Cell, Table, Unit},
    read::batches::Progress,
    units,
};

/// Bytes of kernel objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bytes {
    /// bytes that were given out
    pub alloc: i64,
    /// bytes that were asked for
    pub req: i64,
}

impl Bytes {
    fn of(event: &MatchedEvent<'_>) -> Self {
        Self { alloc: event.bytes.cast_signed(), req: event.requested.cast_signed() }
    }

    /// Returns the bytes that nobody asked for.
    pub fn waste(self) -> i64 {
        self.alloc - self.req
    }

    /// Returns the waste as a share of what was given out: internal fragmentation.
    pub fn fragmentation(self) -> f64 {
        if self.alloc == 0 { 0.0 } else { self.waste() as f64 / self.alloc as f64 }
    }
}

/// What the objects of one value of the key took. Only objects that were allocated within the trace are in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// allocations
    pub allocs: i64,
    /// live when the trace ends
    pub now: Bytes,
    /// all that was ever allocated
    pub total: Bytes,
    /// the greatest value that `now.alloc` and `now.req` ever had; each at its own time
    pub max: Bytes,
    /// the greatest value that the waste of what was live ever had
    pub max_waste: i64,
    /// when `max_waste` was first reached, ns of the header's clock
    pub max_waste_at: u64,
    /// frees on another CPU than the allocation's
    pub pingpong: i64,
    /// allocations that asked for another node than that of their CPU
    pub cross_node: i64,
}

impl Usage {
    fn take(&mut self, event: &MatchedEvent<'_>) {
        let bytes = Bytes::of(event);
        self.allocs += 1;
        for sum in [&mut self.total, &mut self.now] {
            sum.alloc += bytes.alloc;
            sum.req += bytes.req;
        }
        self.max.alloc = self.max.alloc.max(self.now.alloc);
        self.max.req = self.max.req.max(self.now.req);
        if self.now.waste() > self.max_waste {
            (self.max_waste, self.max_waste_at) = (self.now.waste(), event.time);
        }
    }

    fn give_back(&mut self, event: &MatchedEvent<'_>) {
        let bytes = Bytes::of(event);
        self.now.alloc -= bytes.alloc;
        self.now.req -= bytes.req;
    }

    /// Multiplies everything but the time: of a sampled trace, one object stands for `scale`.
    fn scaled(self, scale: i64) -> Self {
        let bytes = |bytes: Bytes| Bytes { alloc: bytes.alloc * scale, req: bytes.req * scale };
        Self {
            allocs: self.allocs * scale,
            now: bytes(self.now),
            total: bytes(self.total),
            max: bytes(self.max),
            max_waste: self.max_waste * scale,
            max_waste_at: self.max_waste_at,
            pingpong: self.pingpong * scale,
            cross_node: self.cross_node * scale,
        }
    }
}

/// The accumulator of usages, per value of one key.
pub(crate) struct Usages<'a> {
    key: Key,
    names: &'a Names<'a>,
    by_value: NumberMap<i64, Usage>,
}

impl<'a> Usages<'a> {
    /// Starts without objects.
    pub fn new(key: Key, names: &'a Names<'a>) -> Self {
        Self { key, names, by_value: NumberMap::default() }
    }

    /// Returns the usages; whoever wasted most at once comes first.
    pub fn finish(self) -> Vec<(String, Usage)> {
        let scale = i64::from(self.names.header.sample.max(1));
        let mut usages: Vec<_> = self.by_value.into_iter().map(|(value, usage)| (value, usage.scaled(scale))).collect();
        usages.sort_by_key(|(value, usage)| (-usage.max_waste, -usage.total.alloc, *value));
        usages.into_iter().map(|(value, usage)| (self.key.decode(value, self.names), usage)).collect()
    }
}

impl Accumulator for Usages<'_> {
    fn event(&mut self, event: &MatchedEvent<'_>) {
        if !matches!(event.class, Class::Allocated | Class::Freed | Class::Implied) {
            return;
        }
        let usage = self.by_value.entry(self.key.of(event, self.names)).or_default();
        if event.class == Class::Allocated {
            usage.take(event);
            let here = self.names.header.cpu_node.get(usize::from(event.allocated_on)).copied();
            usage.cross_node +=
                i64::from(event.node != UNKNOWN && here.is_some_and(|here| i64::from(here) != event.node));
        } else {
            usage.give_back(event);
            usage.pingpong += i64::from(event.class == Class::Freed && event.on != event.allocated_on);
        }
    }

    fn tells_apart(&self) -> Vec<Key> {
        vec![self.key]
    }
}

/// What is known of the slab allocator by one key.
#[derive(Debug)]
pub struct Slab {
    /// what was grouped by
    pub key: Key,
    /// per value of the key, in words; whoever wasted most at once first
    pub usages: Vec<(String, Usage)>,
    /// call sites whose requests fit badly, the greatest saving first
    pub misfits: Vec<Misfit>,
}

/// Reads the slab events of a trace once.
///
/// # Errors
/// [`Error::NoSuchColumn`] for a key that says nothing about an allocation.
pub fn read(trace: &Trace, key: Key, progress: Progress<'_>) -> Result<(Slab, Loss), Error> {
    if !key.is_in(Events::Slab) || matches!(key, Key::Kind | Key::Flag | Key::Time) {
        let instead = "choose a key of the allocation, such as callsite, function, class, cache or comm";
        return Err(Error::NoSuchColumn { events: "slab", key: key.name(), instead });
    }
    let mut loss = Loss::read(trace);
    let names = Names::read(trace, &mut loss.problems);
    let (mut usages, mut classes) = (Usages::new(key, &names), SizeClasses::new(&names));
    loss.add(accumulate(Events::Slab, &names, trace, progress, &mut [&mut usages, &mut classes])?);
    let slab = Slab { key, usages: usages.finish(), misfits: classes.finish(trace, &mut loss.problems) };
    Ok((slab, loss))
}

impl Slab {
    /// Returns the usages as a table, in the order in which they are.
    pub fn table(&self, header: &Header) -> Table {
        let mut table = Table::new(format!("Slab allocator by {}", self.key.name()));
        table.column(self.key.name(), self.key.title(), Unit::Text);
        for (id, title) in [
            ("waste", "Waste"),
            ("alloc", "Alloc"),
            ("req", "Req"),
            ("tot_alloc", "TotAlloc"),
            ("tot_req", "TotReq"),
            ("max_alloc", "MaxAlloc"),
            ("max_req", "MaxReq"),
            ("max_waste", "MaxWaste"),
        ] {
            table.column(id, title, Unit::Bytes);
        }
        table.column("max_waste_at", "At", Unit::Duration).column("fragmentation", "Frag", Unit::Fraction);
        table.column("allocs", "Allocs", Unit::Count).column("pingpong", "Ping-pong", Unit::Count);
        let cross_node = cross_node(header);
        if cross_node.is_ok() {
            table.column("cross_node", "Cross-node", Unit::Count);
        }
        for (name, usage) in &self.usages {
            let Usage { now, total, max, .. } = *usage;
            let bytes = [now.waste(), now.alloc, now.req, total.alloc, total.req, max.alloc, max.req, usage.max_waste]
                .map(Cell::Integer);
            let mut row: Vec<Cell> = std::iter::once(Cell::Text(name.clone())).chain(bytes).collect();
            let at = Cell::Integer(usage.max_waste_at.saturating_sub(header.clock.start_ns).cast_signed());
            row.push(if usage.max_waste > 0 { at } else { Cell::None });
            row.extend([Cell::Real(total.fragmentation()), Cell::Integer(usage.allocs), Cell::Integer(usage.pingpong)]);
            if cross_node.is_ok() {
                row.push(Cell::Integer(usage.cross_node));
            }
            table.row(row);
        }
        table.note(
            "waste: bytes given out that nobody asked for; Max: the most that was live at once; At: when the waste was greatest, since the start",
        );
        table.note("frag: share of TotAlloc that is waste; ping-pong: freed on another CPU than allocated");
        table.notes.extend(cross_node.err());
        if header.sample > 1 {
            table.note(format!(
                "the peaks are those of the objects that were followed, times {0}: where fewer than some {0} objects are live they are rough",
                units::count(i64::from(header.sample))
            ));
        }
        table
    }
}

/// Returns whether the trace tells which allocations asked for another node than their CPU's; if not, why not.
fn cross_node(header: &Header) -> Result<(), String> {
    let mut nodes = header.cpu_node.clone();
    nodes.dedup();
    let why = match nodes[..] {
        [_, _, ..] => return Ok(()),
        // Importers cannot know the nodes of CPUs and zones.
        _ if header.zones.is_empty() => "an imported trace does not tell which node a CPU is on",
        _ => "all CPUs are on one node",
    };
    Err(format!("there is no column for cross-node allocations: {why}"))
}
