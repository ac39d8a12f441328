//! The bytes that were allocated in each interval of a trace, and the bytes that were live at its end.

use std::collections::BTreeMap;

use trace::Header;

use super::accumulator::Accumulator;
use crate::{
    Key,
    decode::interval,
    matching::event::{Class, MatchedEvent},
};

/// The bytes allocated in each zone and interval.
#[derive(Debug, Clone)]
pub struct Rates {
    /// The start of the first interval, in ns of the trace's clock.
    pub start: u64,
    /// The length of an interval in ns: 1, 2 or 5 times a power of ten.
    pub interval: u64,
    /// The number of intervals.
    pub intervals: usize,
    /// By zone: the bytes allocated in each interval.
    pub zones: BTreeMap<u8, Vec<u64>>,
    /// By zone: the bytes by which the live set grew in each interval.
    growth: BTreeMap<u8, Vec<i64>>,
    /// The sampling rate: one event stands for this many.
    scale: u64,
}

impl Rates {
    /// Creates an accumulator without events. The intervals reach from the start of the trace, or the time of the
    /// `first` event if that is earlier, to the end of the trace, or the time of the `last` event if that is later
    /// (ns).
    pub(crate) fn new(header: &Header, first: u64, last: u64) -> Self {
        let start = header.clock.start_ns.min(first);
        let span = last.max(header.clock.end_ns).saturating_sub(start).max(1);
        let interval = interval::that_divides(span);
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

    /// Returns the live bytes of each zone at the end of each interval. Only memory that was allocated within the trace
    /// is counted.
    pub fn live(&self) -> impl Iterator<Item = (u8, Vec<i64>)> {
        let summed = |growth: &Vec<i64>| {
            let mut live = 0;
            growth.iter().map(|change| (live += change, live).1).collect()
        };
        self.growth.iter().map(move |(zone, growth)| (*zone, summed(growth)))
    }

    /// Converts the bytes of one interval into bytes per second.
    pub fn per_second(&self, bytes: u64) -> f64 {
        bytes as f64 * 1e9 / self.interval as f64
    }
}

impl Accumulator for Rates {
    fn event(&mut self, event: &MatchedEvent<'_>) {
        let at = (event.time.saturating_sub(self.start) / self.interval) as usize;
        if event.delta == 0 || at >= self.intervals {
            return;
        }
        self.growth.entry(event.zone as u8).or_insert_with(|| vec![0; self.intervals])[at] +=
            event.delta * self.scale.cast_signed();
        if event.class == Class::Allocated {
            self.zones.entry(event.zone as u8).or_insert_with(|| vec![0; self.intervals])[at] +=
                event.bytes * self.scale;
        }
    }

    fn tells_apart(&self) -> Vec<Key> {
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
}
