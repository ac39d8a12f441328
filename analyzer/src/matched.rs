//! What both kinds of events look like once frees have been matched with their allocations: the row that every
//! statistic reads.

use std::ops::Deref;

use crate::profile::Profile;

/// What a row stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Class {
    /// an allocation that succeeded
    Allocated,
    /// an allocation that failed
    Failed,
    /// one that failed because the memory cgroup of who asked was at its limit: the kernel had the pages, and gave them
    /// back. The free of that, for which no allocation was seen, is the row of this CPU before
    Refused,
    /// a free whose allocation is in the trace: its row carries the properties of the *allocation*
    Freed,
    /// a free of what was allocated before the trace, or by an event that the trace has not
    Unmatched,
    /// no event: what was live was allocated again, or freed along with something else, so its own free was missed
    Implied,
    /// `kfree(NULL)`: frees nothing
    Null,
}

/// A property that an unmatched free has not: what it freed was allocated when nobody looked.
pub(crate) const UNKNOWN: i64 = -1;

/// One event, or one free that must have happened. It has the properties of its profile as if they were its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    pub time: u64,
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
    /// the first frame, or the object
    pub address: u64,
    /// who ran when the event happened, and where in the kernel: of a free, who freed
    pub actor: Actor,
    /// what sort of allocation it is about, by number: two rows with the same number have all of that in common
    pub number: u32,
    pub profile: &'a Profile,
}

impl Deref for Row<'_> {
    type Target = Profile;

    fn deref(&self) -> &Profile {
        self.profile
    }
}

/// Who did something: the number of a task, and a call site or [`UNKNOWN`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Actor {
    pub task: u32,
    pub callsite: i64,
}

impl Actor {
    pub const NOBODY: Self = Self { task: crate::tasks::UNKNOWN, callsite: UNKNOWN };
}
