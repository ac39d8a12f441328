//! The free blocks of one zone, tracked between the snapshots.

use super::{
    free_area::FreeArea,
    history::{Drift, Moment, Scarcity, Source},
};
use crate::read::snapshots::Snapshot;

/// What is known of the free blocks of one zone at the time of the latest event.
pub(super) struct Zone {
    /// the free blocks, if they can be followed
    pub area: Option<FreeArea>,
    known: Known,
    /// orders up to the largest free block: 0 = there is none
    held: usize,
    /// until when `scarcity` counts
    until: u64,
    /// for how long there were no large blocks so far
    pub scarcity: Scarcity,
}

/// What is known about a zone's free blocks.
enum Known {
    /// nothing: there was no snapshot yet
    Nothing,
    /// what was read last
    Read(Snapshot),
    /// by order, how many blocks `area` has more than there are
    Tracked(Vec<i64>),
}

impl Zone {
    /// Starts without knowing anything. `area` is where the free blocks are followed, if they can be.
    pub fn new(area: Option<FreeArea>, orders: usize) -> Self {
        Self {
            area,
            known: Known::Nothing,
            held: 0,
            until: 0,
            scarcity: Scarcity { known: 0, without: vec![0; orders] },
        }
    }

    /// Returns how many blocks of an order are free, as far as it is known.
    fn nr_free(&self, order: usize) -> u64 {
        match (&self.known, &self.area) {
            (Known::Tracked(surplus), Some(area)) => {
                area.nr_free()[order].saturating_add_signed(surplus[order].saturating_neg())
            }
            (Known::Read(snapshot), _) => snapshot.nr_free.get(order).copied().unwrap_or(0),
            _ => 0,
        }
    }

    /// Returns how many blocks of each order are free.
    fn all_free(&self) -> Vec<u64> {
        (0..self.scarcity.without.len()).map(|order| self.nr_free(order)).collect()
    }

    /// Starts to track, from the frames that were free at the start.
    pub fn start(&mut self, time: u64) {
        if self.area.is_some() {
            self.learn(time, Known::Tracked(vec![0; self.scarcity.without.len()]));
        }
    }

    /// Takes over what was read, and returns how wrong the tracked blocks were, if there are any.
    pub fn read(&mut self, read: &Snapshot) -> Option<Drift> {
        let (Known::Tracked(_), Some(area)) = (&self.known, &self.area) else {
            self.learn(read.time, Known::Read(read.clone()));
            return None;
        };
        let drift = Drift { read: read.clone(), tracked: self.all_free(), from_start: area.nr_free().to_vec() };
        let read_of = |order: usize| read.nr_free.get(order).map_or(0, |blocks| blocks.cast_signed());
        let surplus = drift
            .from_start
            .iter()
            .enumerate()
            .map(|(order, blocks)| blocks.cast_signed().saturating_sub(read_of(order)));
        let surplus = surplus.collect();
        self.learn(read.time, Known::Tracked(surplus));
        Some(drift)
    }

    /// Takes in what is known from now on.
    fn learn(&mut self, time: u64, known: Known) {
        if matches!(self.known, Known::Nothing) {
            self.until = time;
        }
        self.known = known;
        self.look(time);
    }

    /// Changes the free blocks, and returns what the change says; `None` if there can be no such block in the zone.
    pub fn change(
        &mut self,
        time: u64,
        (pfn, order): (u64, u8),
        change: fn(&mut FreeArea, u64, u8) -> u64,
    ) -> Option<u64> {
        let area = self.area.as_mut().filter(|area| area.can_hold(pfn, order))?;
        let said = change(area, pfn, order);
        self.look(time);
        Some(said)
    }

    /// Looks whether there are larger blocks now, or no longer.
    fn look(&mut self, time: u64) {
        let held = (0..self.scarcity.without.len())
            .rev()
            .find(|order| self.nr_free(*order) > 0)
            .map_or(0, |largest| largest + 1);
        if held != self.held {
            self.pass(time);
            self.held = held;
        }
    }

    /// Counts the time until now as known, and as without the orders that are not held.
    pub fn pass(&mut self, time: u64) {
        if matches!(self.known, Known::Nothing) {
            return;
        }
        let passed = time.saturating_sub(self.until);
        self.until = self.until.max(time);
        self.scarcity.known += passed;
        self.scarcity.without[self.held..].iter_mut().for_each(|without| *without += passed);
    }

    /// Returns the free blocks at a moment, if anything is known of them.
    pub fn at(&self, time: u64, zone: u8) -> Option<Moment> {
        match &self.known {
            Known::Nothing => None,
            Known::Read(snapshot) => Some(Moment { blocks: snapshot.clone(), source: Source::Read }),
            Known::Tracked(_) => {
                Some(Moment { blocks: Snapshot { time, zone, nr_free: self.all_free() }, source: Source::Tracked })
            }
        }
    }
}
