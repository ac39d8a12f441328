//! The attributes that allocations share. A trace has millions of allocations, but only hundreds of combinations of the
//! memory that was asked for and the thread that asked.

use crate::{
    Key,
    decode::{
        key::UNKNOWN,
        names::Names,
        tasks::{self, Named},
    },
    fast_hash::NumberMap,
};

/// The properties of an allocation, except for its time, its address and its size. [`UNKNOWN`] stands for a property
/// that no accumulator needs, or that no event tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Attributes {
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
    /// For pages, the number of the kernel stack that asked; 0 without one.
    pub stack: u32,
    pub cache: i64,
    pub node: i64,
}

impl Attributes {
    /// The attributes of an allocation that is not in the trace.
    pub const UNKNOWN: Self = Self {
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
    };
}

/// The thread that asked for memory, and where it ran.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asker {
    pub pid: u32,
    /// The number of the task that the thread was when it asked.
    pub task: u32,
    pub cpu: u16,
}

/// The distinct attributes that have been met, by number. There are few of them, so the matchers remember only a number
/// for each of millions of allocations.
pub(crate) struct DistinctAttributes<'a> {
    names: &'a Names<'a>,
    /// The mask that selects the properties by which askers are told apart.
    mask: Mask,
    numbers: NumberMap<[u64; 5], u32>,
    met: Vec<Attributes>,
}

/// The bits of an [`Asker`] that are compared: all bits of a property by which askers are told apart, and no bit of the
/// others.
struct Mask {
    pid: u32,
    cpu: u16,
    named: Named,
}

impl Mask {
    fn new(told_apart: &[Key]) -> Self {
        let all = |key: Key| if told_apart.contains(&key) { u64::MAX } else { 0 };
        let named = Named { process: all(Key::Process) as u32, comm: all(Key::Comm) as u32, cgroup: all(Key::Cgroup) };
        Self { pid: all(Key::Pid) as u32, cpu: all(Key::Cpu) as u16, named }
    }
}

impl<'a> DistinctAttributes<'a> {
    /// Creates an empty set. `told_apart` are the keys of [`Key::WHO`] that some accumulator needs. If no accumulator
    /// tells threads apart, for example, their number does not add to the number of attributes.
    pub fn new(names: &'a Names<'a>, told_apart: &[Key]) -> Self {
        Self { names, mask: Mask::new(told_apart), numbers: NumberMap::default(), met: Vec::new() }
    }

    /// Returns the number of the attributes of an allocation by `asker` (`None` if the asker is not known). `rest`
    /// holds the other properties, packed so that equal words mean equal properties. When a combination is met for the
    /// first time, `rest_of` fills in the properties that `rest` stands for.
    pub fn number(
        &mut self,
        asker: Option<Asker>,
        rest: [u64; 2],
        rest_of: impl FnOnce(Attributes) -> Attributes,
    ) -> u32 {
        let Self { names, mask, numbers, met } = self;
        let who = asker.map(|Asker { pid, task, cpu }| {
            let Named { process, comm, cgroup } = names.tasks.named(task);
            let named = [process & mask.named.process, comm & mask.named.comm, pid & mask.pid].map(u64::from);
            [named[0] << 32 | named[1], named[2] << 32 | u64::from(cpu & mask.cpu), cgroup & mask.named.cgroup]
        });
        // No asker has the value that stands for an unknown one, since a CPU has only 16 bits.
        let who = who.unwrap_or([u64::MAX; 3]);
        *numbers.entry([who[0], who[1], who[2], rest[0], rest[1]]).or_insert_with(|| {
            met.push(rest_of(asker.map_or(Attributes::UNKNOWN, |asker| asked_by(asker, mask, names))));
            met.len() as u32 - 1
        })
    }

    /// Returns the attributes that have a number from [`number`](Self::number).
    pub fn get(&self, number: u32) -> &Attributes {
        &self.met[number as usize]
    }
}

/// Returns attributes with every property that is known of an asker.
pub(crate) fn of_asker(asker: Asker, names: &Names<'_>) -> Attributes {
    asked_by(asker, &Mask::new(&Key::WHO), names)
}

/// Returns attributes with those properties of an asker by which askers are told apart.
fn asked_by(Asker { pid, task, cpu }: Asker, mask: &Mask, names: &Names<'_>) -> Attributes {
    let Named { process, comm, cgroup } = names.tasks.named(task);
    let known =
        |number: u32, mask: u32| if mask == 0 || number == tasks::UNKNOWN { UNKNOWN } else { i64::from(number) };
    Attributes {
        pid: if mask.pid == 0 { UNKNOWN } else { i64::from(pid) },
        cpu: if mask.cpu == 0 { UNKNOWN } else { i64::from(cpu) },
        process: known(process, mask.named.process),
        comm: known(comm, mask.named.comm),
        cgroup: if cgroup & mask.named.cgroup == 0 { UNKNOWN } else { cgroup.cast_signed() },
        ..Attributes::UNKNOWN
    }
}
