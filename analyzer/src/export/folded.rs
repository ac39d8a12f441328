//! Allocations by stack, as flame graph tools read them: `thread;outermost;…;innermost NUMBER`.

use std::collections::BTreeMap;

use trace::Trace;

use super::error::Error;
use crate::{
    Events, Key, Loss, Names,
    aggregate::accumulator::{Accumulator, accumulate},
    decode::key::UNKNOWN,
    matching::event::{Class, MatchedEvent},
    read::batches::Progress,
};

/// What is summed up by stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Folded {
    /// bytes allocated
    Bytes,
    /// allocations
    Allocations,
    /// bytes that are live at the end
    Live,
}

/// The accumulator of sums by stack.
struct Stacks<'a> {
    names: &'a Names<'a>,
    what: Folded,
    /// by thread name, stack (pages) and call site
    sums: BTreeMap<(i64, u32, i64), u64>,
}

impl Stacks<'_> {
    fn add(&mut self, event: &MatchedEvent<'_>, number: u64) {
        // A page event without a stack was not sampled: those that were stand for it.
        if event.stack == 0 && event.callsite == UNKNOWN {
            return;
        }
        *self.sums.entry((event.comm, event.stack, event.callsite)).or_default() += number;
    }

    fn line(&self, (comm, stack, callsite): (i64, u32, i64)) -> String {
        // A semicolon would end the function's name.
        let plain = |text: String| text.replace([';', '\n'], "_");
        let mut parts = vec![plain(self.names.comm(comm as u32))];
        if stack == 0 {
            parts.push(plain(self.names.function(callsite.cast_unsigned())));
        } else {
            parts.extend(self.names.stack(stack).iter().rev().map(|symbol| plain(self.names.function(*symbol))));
        }
        parts.join(";")
    }
}

impl Accumulator for Stacks<'_> {
    fn event(&mut self, event: &MatchedEvent<'_>) {
        match (event.class, self.what) {
            (Class::Allocated, Folded::Bytes) => self.add(event, event.bytes),
            (Class::Allocated, Folded::Allocations) => self.add(event, 1),
            _ => {}
        }
    }

    fn still_live(&mut self, event: &MatchedEvent<'_>) {
        if self.what == Folded::Live {
            self.add(event, event.bytes);
        }
    }

    fn tells_apart(&self) -> Vec<Key> {
        vec![Key::Comm]
    }
}

/// Returns every stack with its number, in the order of the lines; and what the trace lacks.
///
/// # Errors
/// If the columns are not what the format says.
pub fn folded(
    trace: &Trace,
    events: Events,
    what: Folded,
    progress: Progress<'_>,
) -> Result<(BTreeMap<String, u64>, Loss), Error> {
    let mut loss = Loss::read(trace);
    let names = Names::read(trace, &mut loss.problems);
    let mut stacks = Stacks { names: &names, what, sums: BTreeMap::new() };
    loss.add(accumulate(events, &names, trace, progress, &mut [&mut stacks])?);
    let mut lines = BTreeMap::new();
    for (key, number) in &stacks.sums {
        *lines.entry(stacks.line(*key)).or_default() += number;
    }
    Ok((lines, loss))
}
