//! The two sorts of events that most results are about, and the time from the first of them to the last.

use trace::{PageEvent, Row as _, SlabEvent, Trace};

/// The events that a result is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Events {
    /// pages: the table `page`
    Page,
    /// kernel objects: the table `slab`
    Slab,
}

impl Events {
    /// Both sorts, pages first.
    pub(crate) const ALL: [Self; 2] = [Self::Page, Self::Slab];

    /// The name of the trace's table that holds these events.
    pub const fn table(self) -> &'static str {
        match self {
            Self::Page => PageEvent::TABLE,
            Self::Slab => SlabEvent::TABLE,
        }
    }
}

/// Returns when the first and the last event happened, in ns of the trace's clock, as the manifest has it and within
/// the span of time that the trace is limited to. `None`: the trace has no events.
pub(crate) fn time_range(trace: &Trace) -> Option<(u64, u64)> {
    let batches = || {
        Events::ALL.map(Events::table).into_iter().flat_map(|table| {
            trace.table(table).flat_map(|segment| &segment.batches).filter(move |batch| trace.reads(table, batch))
        })
    };
    let (first, last) = batches().map(|batch| batch.first).min().zip(batches().map(|batch| batch.last).max())?;
    Some((first.max(*trace.span.start()), last.min(*trace.span.end())))
}
