//! How much was allocated per unit of time, and how much was live.

use std::collections::BTreeMap;

use trace::Header;

use crate::{
    Key,
    matched::{Class, Row},
    observer::Observer,
    table::{Cell, Table, Unit},
};

/// So many intervals at most.
const INTERVALS: u64 = 120;

/// Bytes allocated per zone and interval.
#[derive(Debug, Clone)]
pub struct Rates {
    /// when the first interval starts, ns
    pub start: u64,
    /// length of an interval, ns: 1, 2 or 5 times a power of ten
    pub interval: u64,
    /// number of intervals
    pub intervals: usize,
    /// per zone: bytes allocated in each interval
    pub zones: BTreeMap<u8, Vec<u64>>,
    /// per zone: by how many bytes the live set grew in each interval
    growth: BTreeMap<u8, Vec<i64>>,
    /// one event stands for so many
    scale: u64,
}

impl Rates {
    pub(crate) fn new(header: &Header, first: u64, last: u64) -> Self {
        let start = header.clock.start_ns.min(first);
        let span = last.max(header.clock.end_ns).saturating_sub(start).max(1);
        let interval = round_up(span.div_ceil(INTERVALS));
        let (zones, growth) = (BTreeMap::new(), BTreeMap::new());
        Self {
            start,
            interval,
            intervals: (span / interval + 1) as usize,
            zones,
            growth,
            scale: u64::from(header.sample.max(1)),
        }
    }

    /// Bytes per second in each interval, in long form.
    pub fn table(&self, header: &Header) -> Table {
        let mut table = Table::new("Allocation rate by zone");
        table.column("time", "Time", Unit::Duration).column("zone", "Zone", Unit::Text).column(
            "bytes_per_s",
            "Allocated per second",
            Unit::Bytes,
        );
        for (zone, bytes) in &self.zones {
            for (at, bytes) in bytes.iter().enumerate() {
                table.row(vec![
                    Cell::Integer((at as u64 * self.interval).cast_signed()),
                    Cell::Text(header.zone_name(*zone)),
                    Cell::Real(self.per_second(*bytes)),
                ]);
            }
        }
        table
    }

    /// Per zone, bytes that were live at the end of each interval, of those that were allocated within the trace.
    pub fn live(&self) -> impl Iterator<Item = (u8, Vec<i64>)> {
        let summed = |growth: &Vec<i64>| {
            let mut live = 0;
            growth.iter().map(|change| (live += change, live).1).collect()
        };
        self.growth.iter().map(move |(zone, growth)| (*zone, summed(growth)))
    }

    /// Bytes of one interval as bytes per second.
    pub fn per_second(&self, bytes: u64) -> f64 {
        bytes as f64 * 1e9 / self.interval as f64
    }
}

/// The length of an interval for a trace's whole duration, ns.
pub(crate) fn interval(header: &Header) -> u64 {
    round_up(header.clock.end_ns.saturating_sub(header.clock.start_ns).div_ceil(INTERVALS).max(1))
}

/// The next of 1, 2, 5, 10, 20, 50 …
fn round_up(number: u64) -> u64 {
    let power = 10_u64.pow(number.max(1).ilog10());
    [1, 2, 5, 10].into_iter().map(|factor| factor * power).find(|round| *round >= number).unwrap_or(number)
}

impl Observer for Rates {
    fn row(&mut self, row: &Row<'_>) {
        let at = (row.time.saturating_sub(self.start) / self.interval) as usize;
        if row.delta == 0 || at >= self.intervals {
            return;
        }
        self.growth.entry(row.zone as u8).or_insert_with(|| vec![0; self.intervals])[at] +=
            row.delta * self.scale.cast_signed();
        if row.class == Class::Allocated {
            self.zones.entry(row.zone as u8).or_insert_with(|| vec![0; self.intervals])[at] += row.bytes * self.scale;
        }
    }

    fn asks_who(&self) -> Vec<Key> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::Rates;

    #[test]
    fn what_is_live_adds_up() {
        let growth = BTreeMap::from([(1, vec![8, -3, 0, 5])]);
        let rates = Rates { start: 0, interval: 1, intervals: 4, zones: BTreeMap::new(), growth, scale: 1 };
        assert_eq!(rates.live().collect::<Vec<_>>(), [(1, vec![8, 5, 5, 10])]);
    }

    #[test]
    fn intervals_are_round() {
        assert_eq!([1, 2, 3, 7, 11, 49, 51, 99].map(super::round_up), [1, 2, 5, 10, 20, 50, 100, 100]);
    }
}
