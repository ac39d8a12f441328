//! Page events that are known to be missing from the trace.

use std::collections::BTreeMap;

use trace::{Kind, Ledger, Program, Trace};

/// The numbers of missing events, of which each explains one gap and is then subtracted.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Missing {
    pub(crate) allocs: u64,
    pub(crate) frees: u64,
}

/// Returns the numbers of page events that the ledger counts as lost or filtered. Its rows are running totals, so the
/// last row of each CPU and program counts.
pub(super) fn missing(trace: &Trace) -> Missing {
    let mut last: BTreeMap<(u16, String), u64> = BTreeMap::new();
    for row in trace.all::<Ledger>(&mut Vec::new()) {
        last.insert((row.cpu, row.program), row.dropped.saturating_add(row.filtered).saturating_add(row.missed));
    }
    let sum = |program: Program| last.iter().filter(|((_, name), _)| name == program.name()).map(|(_, n)| n).sum();
    debug_assert_eq!(Kind::PageAlloc.name(), Program::PageAlloc.name());
    Missing { allocs: sum(Program::PageAlloc), frees: sum(Program::PageFree) }
}
