//! What allocations have in common. They come by the million, but in what sort of memory was asked for, and by whom,
//! they differ by the hundred only.

use crate::{
    Key,
    decode::{
        key::UNKNOWN,
        names::Names,
        tasks::{self, Named},
    },
    fast_hash::NumberMap,
};

/// Everything about an allocation but when it happened, where, and how much memory it was. [`UNKNOWN`] stands for what
/// nobody asked about, and for what no event tells.
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
    /// of a page: the number of the kernel stack that asked; 0 without one
    pub stack: u32,
    pub cache: i64,
    pub node: i64,
}

impl Attributes {
    /// The attributes of what was allocated when nobody looked.
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
    /// number of the task that the thread was then
    pub task: u32,
    pub cpu: u16,
}

/// The distinct attributes that have been met, by number. There are few of them, so whoever has to do with millions of
/// allocations remembers the number of each.
pub(crate) struct DistinctAttributes<'a> {
    names: &'a Names<'a>,
    /// all bits of what askers are told apart by, none of what they are not
    mask: Mask,
    numbers: NumberMap<[u64; 5], u32>,
    met: Vec<Attributes>,
}

/// The bits of an [`Asker`] that are looked at.
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
    /// Starts without any. `told_apart` are the keys of who asked ([`Key::WHO`]) that somebody wants to know: if nobody
    /// tells threads apart, say, there are no more attributes however many threads come and go.
    pub fn new(names: &'a Names<'a>, told_apart: &[Key]) -> Self {
        Self { names, mask: Mask::new(told_apart), numbers: NumberMap::default(), met: Vec::new() }
    }

    /// Returns the number of the attributes of what was asked for by `asker` (`None`: nobody knows) and is equal in
    /// `rest`. When they are met for the first time, `rest_of` enters what `rest` stands for.
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
        // A CPU has only 16 bits: no asker looks like nobody.
        let who = who.unwrap_or([u64::MAX; 3]);
        *numbers.entry([who[0], who[1], who[2], rest[0], rest[1]]).or_insert_with(|| {
            met.push(rest_of(asker.map_or(Attributes::UNKNOWN, |asker| asked_by(asker, mask, names))));
            met.len() as u32 - 1
        })
    }

    /// Returns the attributes with a number that [`number`](Self::number) gave.
    pub fn get(&self, number: u32) -> &Attributes {
        &self.met[number as usize]
    }
}

/// Returns the attributes that say all that is known of an asker.
pub(crate) fn of_asker(asker: Asker, names: &Names<'_>) -> Attributes {
    asked_by(asker, &Mask::new(&Key::WHO), names)
}

/// Returns the attributes of what was asked for by this asker, as far as askers are told apart.
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
