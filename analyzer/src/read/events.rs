//! The two sorts of events that most results are about, and the times of the first and the last of them.

use trace::{PageEvent, Row as _, SlabEvent, Trace};

/// The sort of events that a result is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Events {
    /// Allocations and frees of pages, from the table `page`.
    Page,
    /// Allocations and frees of kernel objects, from the table `slab`.
    Slab,
}

impl Events {
    /// Both sorts of events, pages first.
    pub(crate) const ALL: [Self; 2] = [Self::Page, Self::Slab];

    /// Returns the name of the trace's table that holds these events.
    pub const fn table(self) -> &'static str {
        match self {
            Self::Page => PageEvent::TABLE,
            Self::Slab => SlabEvent::TABLE,
        }
    }
}

/// Returns the times of the first and the last event, in ns of the trace's clock. The times are those of the manifest's
/// batches, cut to the span of time that the trace is limited to. Returns `None` if the trace has no events.
pub(crate) fn time_range(trace: &Trace) -> Option<(u64, u64)> {
    let batches = || {
        Events::ALL.map(Events::table).into_iter().flat_map(|table| {
            trace.table(table).flat_map(|segment| &segment.batches).filter(move |batch| trace.reads(table, batch))
        })
    };
    let (first, last) = batches().map(|batch| batch.first).min().zip(batches().map(|batch| batch.last).max())?;
    Some((first.max(*trace.span.start()), last.min(*trace.span.end())))
}
