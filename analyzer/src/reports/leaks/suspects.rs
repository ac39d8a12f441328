//! The sites that are suspected, and how sure that is.

use std::collections::BTreeMap;

use trace::Trace;

use super::slab_growth::{self, ObjectKind, SlabGrowth};
use crate::{
    Error, Events, Key, Loss, Names,
    aggregate::{
        accumulator::{Accumulator, accumulate},
        histogram::Histogram,
    },
    decode::key::UNKNOWN,
    fast_hash::NumberMap,
    matching::event::{Class, MatchedEvent},
    present::table::{Cell, Table, Unit},
    read::batches::Progress,
};

/// The trace is cut into this many slices.
const SLICES: usize = 10;
/// Fewer survivors than this prove nothing.
const FEW: u64 = 50;

/// What is known of one site.
#[derive(Debug, Clone, Default)]
pub struct Site {
    /// allocations, by slice
    allocs: [u64; SLICES],
    /// those of them that are live at the end, by slice
    survivors: [u64; SLICES],
    survivor_bytes: u64,
    freed: Histogram,
    /// frees that were not seen, but must have happened
    implied: u64,
    /// all survivors by what kind of object they are
    kinds: BTreeMap<ObjectKind, u64>,
}

/// A site with what speaks against it.
#[derive(Debug, Clone, PartialEq)]
pub struct Suspect {
    /// the site in words
    pub name: String,
    /// allocations before the last slice
    pub allocs: u64,
    /// those of them that are live at the end
    pub survivors: u64,
    /// their bytes
    pub bytes: u64,
    /// share of the allocations that survived
    pub survival: f64,
    /// share of the slices in which the site allocated whose allocations survived as often as they do on the whole, or
    /// more
    pub steadiness: f64,
    /// share of the frees that were seen, among those that must have happened; 1 without any
    pub traced: f64,
    /// share of the survivors that can be there, as the slab caches grew
    pub grown: f64,
    /// how sure the suspicion is, 0 to 1: survival × steadiness × traced × grown, and 0 for too few
    pub confidence: f64,
    /// what 99 % of the freed allocations of the site did not outlive, ns
    pub freed_within: Option<u64>,
}

impl Site {
    fn suspect(&self, name: String, grown: f64) -> Suspect {
        let (allocs, survivors) = (&self.allocs[..SLICES - 1], &self.survivors[..SLICES - 1]);
        let (all, alive): (u64, u64) = (allocs.iter().sum(), survivors.iter().sum());
        let survival = alive as f64 / all.max(1) as f64;
        let active = allocs.iter().zip(survivors).filter(|(allocs, _)| **allocs > 0);
        // Half of the mean, so that chance does not decide.
        let steady = active
            .clone()
            .filter(|(allocs, alive)| **alive as f64 >= survival / 2.0 * **allocs as f64 && **alive > 0)
            .count();
        // Allocations in a single slice are a burst, however many survived.
        let steadiness = if active.clone().count() > 1 { steady as f64 / (SLICES - 1) as f64 } else { 0.0 };
        let ended = self.freed.count + self.implied;
        let traced = if ended == 0 { 1.0 } else { self.freed.count as f64 / ended as f64 };
        let confidence = if alive < FEW { 0.0 } else { survival * steadiness * traced * grown };
        let freed_within = self.freed.percentile(0.99);
        Suspect {
            name,
            allocs: all,
            survivors: alive,
            bytes: self.survivor_bytes,
            survival,
            steadiness,
            traced,
            grown,
            confidence,
            freed_within,
        }
    }
}

/// The accumulator of sites, per value of one key.
struct Sites<'a> {
    key: Key,
    names: &'a Names<'a>,
    start: u64,
    slice: u64,
    end: u64,
    by_value: NumberMap<i64, Site>,
}

impl Sites<'_> {
    fn slice_of(&self, time: u64) -> usize {
        ((time.saturating_sub(self.start) / self.slice) as usize).min(SLICES - 1)
    }
}

impl Accumulator for Sites<'_> {
    fn event(&mut self, event: &MatchedEvent<'_>) {
        if !matches!(event.class, Class::Allocated | Class::Freed | Class::Implied) {
            return;
        }
        let slice = self.slice_of(event.time);
        let site = self.by_value.entry(self.key.of(event, self.names)).or_default();
        match event.class {
            Class::Allocated => site.allocs[slice] += 1,
            Class::Freed => site.freed.add(event.age),
            _ => site.implied += 1,
        }
    }

    fn still_live(&mut self, event: &MatchedEvent<'_>) {
        let slice = self.slice_of(self.end.saturating_sub(event.age));
        let site = self.by_value.entry(self.key.of(event, self.names)).or_default();
        site.survivors[slice] += 1;
        *site.kinds.entry(slab_growth::kind_of(event)).or_default() += 1;
        if slice < SLICES - 1 {
            site.survivor_bytes += event.bytes;
        }
    }

    fn tells_apart(&self) -> Vec<Key> {
        vec![self.key]
    }
}

/// Reads every site with survivors, most suspicious first: by confidence times bytes.
///
/// # Errors
/// [`Error::NoSuchColumn`] for a key that says nothing about an allocation.
pub fn read(trace: &Trace, events: Events, key: Key, progress: Progress<'_>) -> Result<(Vec<Suspect>, Loss), Error> {
    if !key.is_in(events) || matches!(key, Key::Kind | Key::Flag) {
        let whose = if events == Events::Page { "page" } else { "slab" };
        let instead = "choose another key, or other events with or without --page";
        return Err(Error::NoSuchColumn { events: whose, key: key.name(), instead });
    }
    let mut loss = Loss::read(trace);
    let names = Names::read(trace, &mut loss.problems);
    let (start, end) = (trace.header.clock.start_ns, trace.header.clock.end_ns);
    let slice = (end.saturating_sub(start) / SLICES as u64).max(1);
    let mut sites = Sites { key, names: &names, start, slice, end, by_value: NumberMap::default() };
    loss.add(accumulate(events, &names, trace, progress, &mut [&mut sites])?);
    let growth = if events == Events::Slab { SlabGrowth::read(trace, &mut loss.problems) } else { None };
    let mut kept: BTreeMap<ObjectKind, u64> = BTreeMap::new();
    for (kind, survivors) in sites.by_value.values().flat_map(|site| &site.kinds) {
        *kept.entry(*kind).or_default() += survivors;
    }
    let grown = |site: &Site| -> f64 {
        let Some(growth) = &growth else { return 1.0 };
        let credible = site
            .kinds
            .iter()
            .map(|(kind, survivors)| *survivors as f64 * growth.credible(*kind, kept[kind], &names))
            .sum::<f64>();
        credible / site.kinds.values().sum::<u64>().max(1) as f64
    };
    let known = sites.by_value.iter().filter(|(value, _)| **value != UNKNOWN);
    let mut suspects: Vec<Suspect> =
        known.map(|(value, site)| site.suspect(key.decode(*value, &names), grown(site))).collect();
    suspects.retain(|suspect| suspect.survivors > 0);
    let weight = |suspect: &Suspect| suspect.confidence * suspect.bytes as f64;
    suspects.sort_by(|a, b| weight(b).total_cmp(&weight(a)).then(b.bytes.cmp(&a.bytes)));
    Ok((suspects, loss))
}

/// Returns the suspects as a table.
pub fn table(key: Key, suspects: &[Suspect]) -> Table {
    let mut table = Table::new("Allocated throughout and still live at the end");
    table.column(key.name(), key.title(), Unit::Text).column("confidence", "Confidence", Unit::Fraction);
    table.column("bytes", "Live bytes", Unit::Bytes).column("survivors", "Live", Unit::Count).column(
        "allocs",
        "Of allocs",
        Unit::Count,
    );
    table.column("survival", "Survived", Unit::Fraction).column("steadiness", "Steadiness", Unit::Fraction);
    table.column("traced", "Frees seen", Unit::Fraction).column("grown", "Cache grew", Unit::Fraction);
    table.column("freed_within", "Others freed within", Unit::Duration);
    for suspect in suspects {
        table.row(vec![
            Cell::Text(suspect.name.clone()),
            Cell::Real(suspect.confidence),
            Cell::Integer(suspect.bytes.cast_signed()),
            Cell::Integer(suspect.survivors.cast_signed()),
            Cell::Integer(suspect.allocs.cast_signed()),
            Cell::Real(suspect.survival),
            Cell::Real(suspect.steadiness),
            Cell::Real(suspect.traced),
            Cell::Real(suspect.grown),
            suspect.freed_within.map_or(Cell::None, |ns| Cell::Integer(ns.cast_signed())),
        ]);
    }
    table.note("confidence: share of the allocations that survived × share of the trace's tenths in which they did (the last tenth is left out) × frees seen × cache grew");
    table.note("frees seen: of the frees that must have happened; the kernel does not trace those in bulk (kfree_rcu), only giving out the memory again tells");
    table.note(
        "cache grew: share of what seems to be kept that the growth of the slab caches leaves room for; 100 where /proc/slabinfo was not recorded",
    );
    table.note(
        "a high confidence says that memory is kept, not that it is lost: caches and long-lived objects look the same",
    );
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(allocs: [u64; SLICES], survivors: [u64; SLICES]) -> Suspect {
        Site { allocs, survivors, survivor_bytes: 1, ..Site::default() }.suspect("x".into(), 1.0)
    }

    #[test]
    fn unseen_frees_and_caches_that_did_not_grow_speak_for_a_site() {
        let kept = Site { allocs: [10; 10], survivors: [9; 10], implied: 10, ..Site::default() };
        assert!(kept.suspect("x".into(), 1.0).confidence < 1e-9, "nothing of what ended was freed with an event");
        let mut seen = Site { implied: 0, ..kept.clone() };
        seen.freed.add(1);
        assert!((seen.suspect("x".into(), 1.0).confidence - 0.9).abs() < 1e-9);
        assert!((seen.suspect("x".into(), 0.1).confidence - 0.09).abs() < 1e-9);
    }

    #[test]
    fn steady_survivors_are_suspect_and_bursts_are_not() {
        assert!((site([10; 10], [10; 10]).confidence - 1.0).abs() < 1e-9);
        // A cache that was filled once, and a burst.
        let filled = site([10; 10], [10, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert!(filled.confidence < 0.02, "{filled:?}");
        assert!(site([0, 0, 90, 0, 0, 0, 0, 0, 0, 0], [0, 0, 90, 0, 0, 0, 0, 0, 0, 0]).confidence < 1e-9);
        // What was allocated a moment ago says nothing.
        assert_eq!(site([10; 10], [0, 0, 0, 0, 0, 0, 0, 0, 0, 10]).survivors, 0);
        // One missed free in twenty.
        assert!(site([100; 10], [5; 10]).confidence < 0.06);
        assert!(site([1; 10], [1, 1, 1, 0, 0, 0, 0, 0, 0, 0]).confidence < 1e-9, "too few");
    }
}
