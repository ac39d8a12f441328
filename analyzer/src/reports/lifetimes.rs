//! How long what was allocated in the trace stayed allocated.

use trace::Trace;

use crate::{
    Error, Events, Key, Loss,
    aggregate::{
        accumulator::{Accumulator, accumulate},
        histogram::Histogram,
    },
    decode::names::Names,
    fast_hash::NumberMap,
    matching::event::{Class, MatchedEvent},
    present::table::{Cell, Table, Unit},
    read::batches::Progress,
};

/// The accumulator of lifetimes, per value of one key.
pub(crate) struct Lifetimes<'a> {
    key: Key,
    names: &'a Names<'a>,
    freed: NumberMap<i64, Histogram>,
    live: NumberMap<i64, Histogram>,
}

impl<'a> Lifetimes<'a> {
    /// Starts without any.
    pub fn new(key: Key, names: &'a Names<'a>) -> Self {
        Self { key, names, freed: NumberMap::default(), live: NumberMap::default() }
    }

    /// Returns the lifetimes by value of the key.
    pub fn finish(self) -> Vec<Lifetime> {
        let Self { key, names, freed, mut live } = self;
        let mut values: Vec<i64> = freed.keys().chain(live.keys()).copied().collect();
        values.sort_unstable();
        values.dedup();
        let mut freed = freed;
        values
            .into_iter()
            .map(|value| Lifetime {
                value: key.decode(value, names),
                number: value,
                freed: freed.remove(&value).unwrap_or_default(),
                live: live.remove(&value).unwrap_or_default(),
            })
            .collect()
    }
}

impl Accumulator for Lifetimes<'_> {
    fn event(&mut self, event: &MatchedEvent<'_>) {
        if event.class == Class::Freed {
            self.freed.entry(self.key.of(event, self.names)).or_default().add(event.age);
        }
    }

    fn still_live(&mut self, event: &MatchedEvent<'_>) {
        self.live.entry(self.key.of(event, self.names)).or_default().add(event.age);
    }

    fn tells_apart(&self) -> Vec<Key> {
        vec![self.key]
    }
}

/// Reads the lifetimes of pages or kernel objects by one key, in one pass over the trace.
///
/// # Errors
/// [`Error::NoSuchColumn`] for a key that says nothing about an allocation.
pub fn read(trace: &Trace, events: Events, key: Key, progress: Progress<'_>) -> Result<(Vec<Lifetime>, Loss), Error> {
    let whose = if events == Events::Page { "page" } else { "slab" };
    if !key.is_in(events) || matches!(key, Key::Kind | Key::Flag) {
        let instead = "choose another key, or other events with or without --slab";
        return Err(Error::NoSuchColumn { events: whose, key: key.name(), instead });
    }
    let mut loss = Loss::read(trace);
    let names = Names::read(trace, &mut loss.problems);
    let mut lifetimes = Lifetimes::new(key, &names);
    loss.add(accumulate(events, &names, trace, progress, &mut [&mut lifetimes])?);
    Ok((lifetimes.finish(), loss))
}

/// The lifetimes of the allocations that share one value of the key.
#[derive(Debug, Clone)]
pub struct Lifetime {
    /// the value in words
    pub value: String,
    /// the value
    pub number: i64,
    /// of what was freed
    pub freed: Histogram,
    /// how long what was not freed had been live when the trace ended
    pub live: Histogram,
}

/// Returns percentiles of the lifetimes as a table, with what has no lifetime yet beside them.
pub fn table(key: Key, lifetimes: &[Lifetime]) -> Table {
    let mut table = Table::new(format!("Lifetimes by {}", key.name()));
    table.column(key.name(), key.title(), key.unit());
    table.column("freed", "Freed", Unit::Count);
    for (id, title) in [("p10", "10 %"), ("p50", "Median"), ("p90", "90 %"), ("p99", "99 %"), ("longest", "Longest")] {
        table.column(id, title, Unit::Duration);
    }
    table.column("live", "Still live", Unit::Count).column("live_median_age", "Their median age", Unit::Duration);
    let time = |time: Option<u64>| time.map_or(Cell::None, |ns| Cell::Integer(ns.cast_signed()));
    for Lifetime { value, number, freed, live } in lifetimes {
        let longest = (freed.count > 0).then_some(freed.longest);
        let name = if key.unit() == Unit::Text { Cell::Text(value.clone()) } else { Cell::Integer(*number) };
        let mut row = vec![name, Cell::Integer(freed.count.cast_signed())];
        row.extend([0.1, 0.5, 0.9, 0.99].map(|fraction| time(freed.percentile(fraction))));
        row.extend([time(longest), Cell::Integer(live.count.cast_signed()), time(live.percentile(0.5))]);
        table.row(row);
    }
    table.note("percentiles are at most 3.1 % too long; only what was both allocated and freed within the trace has a lifetime");
    table
}
