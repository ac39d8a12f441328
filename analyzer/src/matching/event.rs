//! What both sorts of events look like once frees have been matched with their allocations: the event that every result
//! is computed from.

use std::ops::Deref;

use super::attributes::Attributes;
use crate::decode::{key::UNKNOWN, tasks};

/// What a matched event stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Class {
    /// an allocation that succeeded
    Allocated,
    /// an allocation that failed
    Failed,
    /// an allocation that failed because the memory cgroup of who asked was at its limit: the kernel had the pages, and
    /// gave them back. That free, for which no allocation was seen, is the event before on the same CPU
    Refused,
    /// a free whose allocation is in the trace: the event has the attributes of the *allocation*
    Freed,
    /// a free of what was allocated before the trace, or by an event that the trace lacks
    Unmatched,
    /// no event: what was live was allocated again, or freed along with something else, so its own free was missed
    Implied,
    /// `kfree(NULL)`: frees nothing
    Null,
}

/// One event, or one free that must have happened. It has the attributes of its allocation as if they were its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MatchedEvent<'a> {
    /// when it happened, ns of the trace's clock
    pub time: u64,
    /// number of the kind of event
    pub kind: u8,
    pub class: Class,
    /// bytes allocated or freed by the event
    pub bytes: u64,
    /// bytes that were asked for
    pub requested: u64,
    /// by how many bytes the live set changed
    pub delta: i64,
    /// how long what is freed here had been live, ns
    pub age: u64,
    /// the CPU that it happened on
    pub on: u16,
    /// of an object: the CPU that allocated it
    pub allocated_on: u16,
    /// the first page frame, or the object
    pub address: u64,
    /// who ran when the event happened, and where in the kernel: of a free, who freed
    pub actor: Actor,
    /// number of the attributes: two events with the same number have the same attributes
    pub number: u32,
    pub attributes: &'a Attributes,
}

impl Deref for MatchedEvent<'_> {
    type Target = Attributes;

    fn deref(&self) -> &Attributes {
        self.attributes
    }
}

/// Who did something: the number of a task, and a call site or [`UNKNOWN`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Actor {
    pub task: u32,
    pub callsite: i64,
}

impl Actor {
    /// Who did what no event tells of.
    pub const NOBODY: Self = Self { task: tasks::UNKNOWN, callsite: UNKNOWN };
}
