//! How much was allocated per unit of time, and how much was live.

use std::collections::BTreeMap;

use trace::Header;

use super::accumulator::Accumulator;
use crate::{
    Key,
    decode::interval,
    matching::event::{Class, MatchedEvent},
};

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
    /// sampling: one event stands for so many
    scale: u64,
}

impl Rates {
    /// Starts without events. The intervals reach from the start of the trace, or the `first` event if that is earlier,
    /// to its end or the `last` event.
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

    /// Returns, per zone, the bytes that were live at the end of each interval, of those that were allocated within the
    /// trace.
    pub fn live(&self) -> impl Iterator<Item = (u8, Vec<i64>)> {
        let summed = |growth: &Vec<i64>| {
            let mut live = 0;
            growth.iter().map(|change| (live += change, live).1).collect()
        };
        self.growth.iter().map(move |(zone, growth)| (*zone, summed(growth)))
    }

    /// Returns the bytes of one interval as bytes per second.
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
