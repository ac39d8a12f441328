//! Requests that fit their size class badly: which call sites a cache of their own, or a slightly smaller object, would
//! serve with less memory.

use std::collections::BTreeSet;

use trace::{Kind, Problem, SlabInfo, Trace};

use crate::{
    Key,
    aggregate::accumulator::Accumulator,
    decode::names::Names,
    fast_hash::NumberMap,
    matching::event::{Class, MatchedEvent},
    present::table::{Cell, Table, Unit},
};

/// Less than this share of what the objects took is not worth a change of the code: an eighth.
const WORTH: i64 = 8;

/// The objects of one size that one call site asked kmalloc for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Request {
    callsite: i64,
    /// bytes that were asked for
    req: i64,
    /// bytes that were given out
    alloc: i64,
}

/// How many objects of one [`Request`] are live, and when they were most.
#[derive(Debug, Clone, Copy, Default)]
struct Objects {
    live: i64,
    peak: i64,
    peak_at: u64,
}

/// The accumulator of how many objects were live at once, per call site and size.
pub(crate) struct SizeClasses<'a> {
    names: &'a Names<'a>,
    kmalloc: Option<u8>,
    requests: NumberMap<Request, Objects>,
}

impl<'a> SizeClasses<'a> {
    /// Starts without objects.
    pub fn new(names: &'a Names<'a>) -> Self {
        Self { names, kmalloc: names.header.kinds.get(Kind::Kmalloc.name()).copied(), requests: NumberMap::default() }
    }

    /// Returns the misfits, the greatest saving first.
    pub fn finish(self, trace: &Trace, problems: &mut Vec<Problem>) -> Vec<Misfit> {
        let classes = Classes::read(trace, self.requests.keys().map(|request| request.alloc), problems);
        let scale = i64::from(self.names.header.sample.max(1));
        // A cache keeps a slab on each CPU, and one in stock: what a new one would take before it saves anything.
        let least = 2
            * self.names.header.page_size.cast_signed()
            * (self.names.header.cpu_node.len().cast_signed() as i64).max(1);
        let misfits = self.requests.iter().filter_map(|(request, objects)| {
            let misfit = classes.misfit(request, objects, scale, self.names)?;
            (misfit.saving() >= least && misfit.saving() * WORTH >= misfit.peak * misfit.alloc).then_some(misfit)
        });
        let mut misfits: Vec<_> = misfits.collect();
        misfits.sort_by(|a, b| (b.saving(), &a.callsite, a.req).cmp(&(a.saving(), &b.callsite, b.req)));
        misfits
    }
}

impl Accumulator for SizeClasses<'_> {
    fn event(&mut self, event: &MatchedEvent<'_>) {
        let request =
            Request { callsite: event.callsite, req: event.requested.cast_signed(), alloc: event.bytes.cast_signed() };
        match event.class {
            Class::Allocated if Some(event.kind) == self.kmalloc => {
                let objects = self.requests.entry(request).or_default();
                objects.live += 1;
                if objects.live > objects.peak {
                    (objects.peak, objects.peak_at) = (objects.live, event.time);
                }
            }
            Class::Freed | Class::Implied => {
                if let Some(objects) = self.requests.get_mut(&request) {
                    objects.live -= 1;
                }
            }
            _ => {}
        }
    }

    fn tells_apart(&self) -> Vec<Key> {
        Vec::new()
    }
}

/// The sizes that kmalloc has, as the trace shows them.
struct Classes {
    sizes: BTreeSet<i64>,
    /// the size of the largest cache, if the trace tells: larger objects are whole pages
    largest: i64,
}

impl Classes {
    fn read(trace: &Trace, seen: impl Iterator<Item = i64>, problems: &mut Vec<Problem>) -> Self {
        let rows: Vec<SlabInfo> = trace.all(problems);
        let caches: BTreeSet<i64> =
            rows.iter().filter(|row| row.name.starts_with("kmalloc-")).map(|row| i64::from(row.objsize)).collect();
        let largest = caches.last().copied().unwrap_or(i64::MAX);
        Self { sizes: caches.into_iter().chain(seen).collect(), largest }
    }

    fn misfit(&self, request: &Request, objects: &Objects, scale: i64, names: &Names<'_>) -> Option<Misfit> {
        let Request { callsite, req, alloc } = *request;
        (req > 0 && alloc <= self.largest).then_some(())?;
        // kmem_cache_create aligns objects to a word.
        let word = if names.header.architecture.contains("64") { 8 } else { 4 };
        let smaller = self.sizes.range(..req).next_back().copied().filter(|smaller| (req - smaller) * WORTH <= req);
        Some(Misfit {
            callsite: names.callsite(callsite.cast_unsigned()),
            req,
            alloc,
            peak: objects.peak * scale,
            peak_at: objects.peak_at,
            own: (req.cast_unsigned().next_multiple_of(word).cast_signed()).min(alloc),
            smaller,
        })
    }
}

/// Objects of one size that one call site asked kmalloc for, and what would fit them better.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// who asks, in words
    pub callsite: String,
    /// bytes asked for
    pub req: i64,
    /// the size class that kmalloc takes for it, bytes
    pub alloc: i64,
    /// the most that were live at once
    pub peak: i64,
    /// when that was, ns of the header's clock
    pub peak_at: u64,
    /// bytes per object in a `kmem_cache` of the requested size, aligned to a word
    pub own: i64,
    /// the next smaller class, if the objects are too large for it by an eighth at most
    pub smaller: Option<i64>,
}

impl Misfit {
    /// Returns the bytes that a cache of its own would have saved at the peak.
    pub fn own_saves(&self) -> i64 {
        self.peak * (self.alloc - self.own)
    }

    /// Returns the bytes that objects of the next smaller class would have saved at the peak.
    pub fn smaller_saves(&self) -> Option<i64> {
        self.smaller.map(|smaller| self.peak * (self.alloc - smaller))
    }

    fn saving(&self) -> i64 {
        self.own_saves().max(self.smaller_saves().unwrap_or(0))
    }
}

/// Returns the misfits as a table; times are since `start`.
pub fn table(misfits: &[Misfit], start: u64) -> Table {
    let mut table = Table::new("kmalloc requests that another size would serve better");
    table.column("callsite", "Call site", Unit::Text).column("req", "Asks for", Unit::Count).column(
        "alloc",
        "Gets",
        Unit::Count,
    );
    table.column("peak", "Peak", Unit::Count).column("peak_at", "At", Unit::Duration);
    table.column("own", "Own cache", Unit::Count).column("own_saves", "Own saves", Unit::Bytes);
    table.column("smaller", "Smaller", Unit::Count).column("too_large_by", "Over by", Unit::Count);
    table.column("smaller_saves", "Smaller saves", Unit::Bytes);
    for misfit in misfits {
        let number = |number: Option<i64>| number.map_or(Cell::None, Cell::Integer);
        table.row(vec![
            Cell::Text(misfit.callsite.clone()),
            Cell::Integer(misfit.req),
            Cell::Integer(misfit.alloc),
            Cell::Integer(misfit.peak),
            Cell::Integer(misfit.peak_at.saturating_sub(start).cast_signed()),
            Cell::Integer(misfit.own),
            Cell::Integer(misfit.own_saves()),
            number(misfit.smaller),
            number(misfit.smaller.map(|smaller| misfit.req - smaller)),
            number(misfit.smaller_saves()),
        ]);
    }
    table.note("sizes are bytes per object; own cache: a kmem_cache of just this size, the ends of its slabs not counted; saves: bytes at the peak");
    table.note("smaller: the next smaller size class, where the objects are over it by an eighth at most");
    table.note(
        "only what saves more than the slabs that a cache keeps in stock, and than an eighth of what the objects took",
    );
    table
}
