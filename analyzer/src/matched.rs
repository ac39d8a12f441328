//! What both kinds of events look like once frees have been matched with their allocations: the row that every statistic reads.

/// What a row stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Class {
    /// an allocation that succeeded
    Allocated,
    /// an allocation that failed
    Failed,
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

/// One event, or one free that must have happened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
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
    pub order: i64,
    pub migratetype: i64,
    pub zone: i64,
    pub gfp: i64,
    pub cpu: i64,
    pub pid: i64,
    pub process: i64,
    pub comm: i64,
    pub cgroup: i64,
    pub callsite: i64,
    /// of a page: the number of its allocation's stack
    pub stack: u32,
    pub cache: i64,
    pub node: i64,
    /// where an object was freed: the CPU of the free itself
    pub freed_on: u16,
    /// the first frame, or the object
    pub address: u64,
    /// who ran when the event happened, and where in the kernel: of a free, who freed
    pub actor: Actor,
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

impl Row {
    /// A free about whose allocation nothing is known.
    pub const UNMATCHED: Self = Self {
        time: 0,
        kind: 0,
        class: Class::Unmatched,
        bytes: 0,
        requested: 0,
        delta: 0,
        age: 0,
        order: UNKNOWN,
        migratetype: UNKNOWN,
        zone: UNKNOWN,
        gfp: UNKNOWN,
        cpu: UNKNOWN,
        pid: UNKNOWN,
        process: UNKNOWN,
        comm: UNKNOWN,
        cgroup: UNKNOWN,
        callsite: UNKNOWN,
        stack: 0,
        cache: UNKNOWN,
        node: UNKNOWN,
        freed_on: 0,
        address: 0,
        actor: Actor::NOBODY,
    };
}
