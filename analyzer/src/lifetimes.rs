//! How long what was allocated in the trace stayed allocated.

use trace::Trace;

use crate::{
    Error, Events, Key, Loss,
    fast_hash::NumberMap,
    frames::Progress,
    matched::{Class, Row},
    names::Names,
    objects,
    observer::Observer,
    pages,
    table::{Cell, Table, Unit},
};

/// Buckets per power of two: a bucket is at most 1/32 = 3.1 % wide.
const STEPS: u64 = 32;

/// How many lifetimes fell into each of the buckets, which grow with the lifetime.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histogram {
    buckets: Vec<u64>,
    /// lifetimes counted
    pub count: u64,
    /// the longest, ns
    pub longest: u64,
}

impl Histogram {
    pub(crate) fn add(&mut self, ns: u64) {
        let bucket = bucket(ns) as usize;
        if bucket >= self.buckets.len() {
            self.buckets.resize(bucket + 1, 0);
        }
        self.buckets[bucket] += 1;
        self.count += 1;
        self.longest = self.longest.max(ns);
    }

    /// The lifetime that `fraction` of all do not exceed, at most 3.1 % too long; `None` without any.
    pub fn percentile(&self, fraction: f64) -> Option<u64> {
        let rank = ((self.count as f64 * fraction).ceil() as u64).max(1);
        let mut seen = 0;
        self.filled().find_map(|(bucket, count)| {
            seen += count;
            (seen >= rank).then(|| upper(bucket).min(self.longest))
        })
    }

    /// Lifetimes and the share of all that are not longer.
    pub fn cumulative(&self) -> Vec<(u64, f64)> {
        let mut seen = 0;
        let point = |(bucket, count)| {
            seen += count;
            (upper(bucket).min(self.longest), seen as f64 / self.count as f64)
        };
        self.filled().map(point).collect()
    }

    fn filled(&self) -> impl Iterator<Item = (u32, u64)> {
        self.buckets.iter().enumerate().filter(|(_, count)| **count > 0).map(|(bucket, count)| (bucket as u32, *count))
    }
}

/// Numbers below `STEPS` have a bucket each, then there are `STEPS` for every power of two.
fn bucket(ns: u64) -> u32 {
    if ns < STEPS {
        return ns as u32;
    }
    let power = ns.ilog2() - STEPS.ilog2();
    (u64::from(power) * STEPS + (ns >> power)) as u32
}

/// The greatest number in a bucket.
fn upper(bucket: u32) -> u64 {
    let bucket = u64::from(bucket);
    if bucket < 2 * STEPS {
        return bucket;
    }
    let power = bucket / STEPS - 1;
    ((((STEPS + bucket % STEPS) as u128 + 1) << power) - 1).min(u128::from(u64::MAX)) as u64
}

/// Gathers lifetimes per value of one key.
pub(crate) struct Lifetimes<'a> {
    key: Key,
    names: &'a Names<'a>,
    freed: NumberMap<i64, Histogram>,
    live: NumberMap<i64, Histogram>,
}

impl<'a> Lifetimes<'a> {
    pub fn new(key: Key, names: &'a Names<'a>) -> Self {
        Self { key, names, freed: NumberMap::default(), live: NumberMap::default() }
    }

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

impl Observer for Lifetimes<'_> {
    fn row(&mut self, row: &Row<'_>) {
        if row.class == Class::Freed {
            self.freed.entry(self.key.of(row, self.names)).or_default().add(row.age);
        }
    }

    fn still_live(&mut self, row: &Row<'_>) {
        self.live.entry(self.key.of(row, self.names)).or_default().add(row.age);
    }

    fn asks_who(&self) -> Vec<Key> {
        vec![self.key]
    }
}

/// The lifetimes of pages or kernel objects by one key, in one pass over the trace.
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
    let problems = match events {
        Events::Page => pages::observe(&names, trace, progress, &mut [&mut lifetimes])?,
        Events::Slab => objects::observe(&names, trace, progress, &mut [&mut lifetimes])?,
    };
    loss.add(problems);
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

/// Percentiles of the lifetimes, with what has no lifetime yet beside them.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_lies_in_its_bucket_and_buckets_are_narrow() {
        for ns in (0..5000).chain([1 << 20, (1 << 40) + 12345, u64::MAX]) {
            let at = bucket(ns);
            assert!(upper(at) >= ns, "{ns}");
            assert!(upper(at) - ns <= ns / STEPS, "{ns}: {}", upper(at));
            assert!(at == 0 || upper(at - 1) < ns, "{ns}");
        }
    }

    #[test]
    fn percentiles_by_hand() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentile(0.5), None);
        (1..=10).for_each(|ns| histogram.add(ns));
        assert_eq!(
            [0.1, 0.5, 0.9, 0.99, 1.0].map(|fraction| histogram.percentile(fraction).unwrap()),
            [1, 5, 9, 10, 10]
        );
        assert_eq!(histogram.cumulative()[..2], [(1, 0.1), (2, 0.2)]);
        assert_eq!(histogram.cumulative().last(), Some(&(10, 1.0)));
    }
}
