//! The event that every result is computed from. Both sorts of events take this form once frees have been matched with
//! their allocations.

use std::ops::Deref;

use super::attributes::Attributes;
use crate::decode::{key::UNKNOWN, tasks};

/// The class of a matched event, which says what happened to the memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Class {
    /// An allocation that succeeded.
    Allocated,
    /// An allocation that failed.
    Failed,
    /// An allocation that failed because the memory cgroup of the asking thread was at its limit. The kernel had the
    /// pages and gave them back: that free, whose allocation was not seen, is the event before on the same CPU.
    Refused,
    /// A free whose allocation is in the trace. The event has the attributes of the *allocation*.
    Freed,
    /// A free whose allocation happened before the trace, or by an event that the trace lacks.
    Unmatched,
    /// A free that the trace lacks. It must have happened, since live memory was allocated again, or was freed along
    /// with other memory.
    Implied,
    /// A call of `kfree(NULL)`, which frees nothing.
    Null,
}

/// One event of the trace, or one free that must have happened. A free dereferences to the attributes of its
/// allocation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MatchedEvent<'a> {
    /// The time of the event, in ns of the trace's clock.
    pub time: u64,
    /// The number of the event's kind.
    pub kind: u8,
    pub class: Class,
    /// The bytes that the event allocated or freed.
    pub bytes: u64,
    /// The bytes that were asked for.
    pub requested: u64,
    /// The bytes by which the live set grew; negative where it shrank.
    pub delta: i64,
    /// For a free, the time in ns that its allocation was live.
    pub age: u64,
    /// The CPU that the event happened on.
    pub on: u16,
    /// For kernel objects, the CPU that allocated the object.
    pub allocated_on: u16,
    /// The number of the first page frame, or the address of the object.
    pub address: u64,
    /// The task and the call site of the event itself: for a free, those that freed.
    pub actor: Actor,
    /// The number of the attributes. Two events with the same number have the same attributes.
    pub number: u32,
    pub attributes: &'a Attributes,
}

impl Deref for MatchedEvent<'_> {
    type Target = Attributes;

    fn deref(&self) -> &Attributes {
        self.attributes
    }
}

/// The task and the call site that caused an event. The call site is [`UNKNOWN`] where the event does not tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Actor {
    pub task: u32,
    pub callsite: i64,
}

impl Actor {
    /// The actor of an allocation or a free for which there is no event.
    pub const NOBODY: Self = Self { task: tasks::UNKNOWN, callsite: UNKNOWN };
}
