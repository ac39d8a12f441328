//! The pass over the events, which shows every matched event to all accumulators.

use trace::{Problem, Trace};

use crate::{
    Error, Key,
    decode::names::Names,
    matching::{event::MatchedEvent, objects::ObjectMatcher, pages::PageMatcher},
    read::{batches::Progress, events::Events},
};

/// A result that is computed from the matched events while they pass by once.
pub(crate) trait Accumulator {
    /// Takes in the next event, in time order.
    fn event(&mut self, event: &MatchedEvent<'_>);

    /// Takes in one of the allocations that are live when the trace ends. The event's `age` is the time in ns that the
    /// allocation has been live.
    fn still_live(&mut self, _event: &MatchedEvent<'_>) {}

    /// Returns the keys of [`Key::WHO`] that the accumulator needs. Keys that no accumulator needs are unknown in all
    /// events, which makes the distinct attributes fewer.
    fn tells_apart(&self) -> Vec<Key> {
        Key::WHO.to_vec()
    }
}

/// Reads all events of one sort once, in time order, and shows them to every accumulator. Returns the problems met.
///
/// # Errors
/// Returns an error if the columns are not those of the format.
pub(crate) fn accumulate(
    events: Events,
    names: &Names<'_>,
    trace: &Trace,
    progress: Progress<'_>,
    accumulators: &mut [&mut dyn Accumulator],
) -> Result<Vec<Problem>, Error> {
    let told_apart: Vec<Key> = accumulators.iter().flat_map(|accumulator| accumulator.tells_apart()).collect();
    let end = trace.header.clock.end_ns;
    match events {
        Events::Page => {
            let mut matcher = PageMatcher::new(names, &told_apart);
            let problems = matcher.read(trace, progress, |event| show(accumulators, event))?;
            matcher.still_live(end, |event| show_still_live(accumulators, event));
            Ok(problems)
        }
        Events::Slab => {
            let mut matcher = ObjectMatcher::new(names, &told_apart);
            let problems = matcher.read(trace, progress, |event| show(accumulators, event))?;
            matcher.still_live(end, |event| show_still_live(accumulators, event));
            Ok(problems)
        }
    }
}

fn show(accumulators: &mut [&mut dyn Accumulator], event: &MatchedEvent<'_>) {
    for accumulator in accumulators {
        accumulator.event(event);
    }
}

fn show_still_live(accumulators: &mut [&mut dyn Accumulator], event: &MatchedEvent<'_>) {
    for accumulator in accumulators {
        accumulator.still_live(event);
    }
}
