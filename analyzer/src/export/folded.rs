//! This module sums up allocations by stack, in the form that flame graph tools read: `thread;outermost;…;innermost
//! NUMBER`.

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

/// The number that is summed up by stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Folded {
    /// The bytes that were allocated.
    Bytes,
    /// The number of allocations.
    Allocations,
    /// The bytes that are live at the end of the trace.
    Live,
}

/// The accumulator that sums up allocations by stack.
struct Stacks<'a> {
    names: &'a Names<'a>,
    what: Folded,
    /// The sums, by the number of the thread's name, the number of the stack (0 for kernel objects) and the call site.
    sums: BTreeMap<(i64, u32, i64), u64>,
}

impl Stacks<'_> {
    fn add(&mut self, event: &MatchedEvent<'_>, number: u64) {
        // Stacks are sampled. A page event without a stack is left out, since the sampled ones stand for it.
        if event.stack == 0 && event.callsite == UNKNOWN {
            return;
        }
        *self.sums.entry((event.comm, event.stack, event.callsite)).or_default() += number;
    }

    fn line(&self, (comm, stack, callsite): (i64, u32, i64)) -> String {
        // A semicolon or a line's end within a name would end the name.
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

/// Returns every stack with its number, in the order of the stacks' text, and the losses of the trace.
///
/// # Errors
/// Returns an error if the columns are not those of the format.
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
