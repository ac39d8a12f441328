//! Changes of memory without an event in the trace.
//!
//! The ledger counts, CPU by CPU, the requests and frees that were filtered out or lost. The collector's own are always
//! among them, and on a small machine they are a few per cent of all. Neither their sizes nor their times are known.
//! Each counts as one page, the pages are spread evenly over the time between two rows of the ledger, and only the
//! difference between requests and frees matters.

use std::{collections::BTreeMap, iter};

use itertools::Itertools as _;
use trace::{Ledger, Program, Trace};

/// One page that was taken or given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) time: u64,
    pub(crate) cpu: u16,
    pub(crate) taken: bool,
}

/// Returns the pages that were taken or given back without an event after `start`, the time at which the model starts,
/// in time order. Between two rows of the ledger there are no more than `memory` pages.
pub(crate) fn steps(trace: &Trace, start: u64, memory: u64) -> impl Iterator<Item = Step> + use<> {
    let mut taken: BTreeMap<u16, BTreeMap<u64, i64>> = BTreeMap::new();
    for row in trace.all::<Ledger>(&mut Vec::new()).iter().filter(|row| row.cpu != Ledger::ALL_CPUS) {
        let pages = row.dropped.saturating_add(row.filtered).cast_signed();
        let sign = match &row.program {
            name if name == Program::PageAlloc.name() => 1,
            name if name == Program::PageFree.name() => -1,
            _ => continue,
        };
        let total = taken.entry(row.cpu).or_default().entry(row.time).or_default();
        *total = total.saturating_add(pages.saturating_mul(sign));
    }
    let of_cpu = move |(cpu, totals): (u16, BTreeMap<u64, i64>)| {
        let before = iter::once((start, 0)).chain(totals.clone());
        before.zip(totals).flat_map(move |(from, to)| between(cpu, start, from, to).take(memory as usize))
    };
    taken.into_iter().map(of_cpu).kmerge_by(|a, b| a.time < b.time)
}

/// Returns the pages between two rows of the ledger, after the start. Each row is a time in ns and the number of pages
/// taken until then.
fn between(cpu: u16, start: u64, from: (u64, i64), to: (u64, i64)) -> impl Iterator<Item = Step> {
    let pages = to.1.abs_diff(from.1);
    let span = to.0.saturating_sub(from.0);
    let at = move |n: u64| from.0 + (u128::from(span) * u128::from(n) / u128::from(pages)) as u64;
    (1..=pages).map(move |n| Step { time: at(n), cpu, taken: to.1 > from.1 }).filter(move |step| step.time > start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_move_at_a_steady_pace_from_row_to_row() {
        let times = |from, to| between(3, 100, from, to).map(|step| (step.time, step.taken)).collect::<Vec<_>>();
        assert_eq!(times((100, 0), (200, 4)), [(125, true), (150, true), (175, true), (200, true)]);
        assert_eq!(times((200, 4), (300, 2)), [(250, false), (300, false)]);
        assert_eq!(times((50, 0), (150, 2)), [(150, true)], "what moved before the start is in the first snapshot");
        assert_eq!(times((200, 4), (300, 4)), []);
    }
}
