//! Allocations by stack, as flame graph tools read them: `thread;outermost;…;innermost NUMBER`.

use std::collections::BTreeMap;

use trace::Trace;

use super::Error;
use crate::{
    Events, Key, Loss, Names,
    frames::Progress,
    matched::{Class, Row, UNKNOWN},
    objects,
    observer::Observer,
    pages,
};

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Folded {
    /// bytes allocated
    Bytes,
    /// allocations
    Allocations,
    /// bytes that are live at the end
    Live,
}

struct Stacks<'a> {
    names: &'a Names<'a>,
    what: Folded,
    /// by thread name, stack (pages) and call site
    sums: BTreeMap<(i64, u32, i64), u64>,
}

impl Stacks<'_> {
    fn add(&mut self, row: &Row<'_>, number: u64) {
        // A page event without a stack was not sampled: those that were stand for it.
        if row.stack == 0 && row.callsite == UNKNOWN {
            return;
        }
        *self.sums.entry((row.comm, row.stack, row.callsite)).or_default() += number;
    }

    fn line(&self, (comm, stack, callsite): (i64, u32, i64)) -> String {
        // A blank or a semicolon would end the frame.
        let plain = |text: String| text.replace([';', '\n'], "_");
        let mut frames = vec![plain(self.names.comm(comm as u32))];
        if stack == 0 {
            frames.push(plain(self.names.function(callsite.cast_unsigned())));
        } else {
            frames.extend(self.names.frames(stack).iter().rev().map(|symbol| plain(self.names.function(*symbol))));
        }
        frames.join(";")
    }
}

impl Observer for Stacks<'_> {
    fn row(&mut self, row: &Row<'_>) {
        match (row.class, self.what) {
            (Class::Allocated, Folded::Bytes) => self.add(row, row.bytes),
            (Class::Allocated, Folded::Allocations) => self.add(row, 1),
            _ => {}
        }
    }

    fn still_live(&mut self, row: &Row<'_>) {
        if self.what == Folded::Live {
            self.add(row, row.bytes);
        }
    }

    fn asks_who(&self) -> Vec<Key> {
        vec![Key::Comm]
    }
}

/// Every stack with its number, in the order of the lines; and what the trace lacks.
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
    loss.add(match events {
        Events::Page => pages::observe(&names, trace, progress, &mut [&mut stacks])?,
        Events::Slab => objects::observe(&names, trace, progress, &mut [&mut stacks])?,
    });
    let mut lines = BTreeMap::new();
    for (key, number) in &stacks.sums {
        *lines.entry(stacks.line(*key)).or_default() += number;
    }
    Ok((lines, loss))
}
