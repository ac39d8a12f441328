//! What allocations have in common. They come by the million, but in what sort of memory was asked for, and by whom, they differ by the hundred only.

use crate::{
    fast_hash::NumberMap,
    matched::UNKNOWN,
    names::Names,
    tasks::{self, Named},
};

/// Everything about an allocation but when it happened, where, and how much memory it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Profile {
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
}

impl Profile {
    /// Of what was allocated when nobody looked.
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

/// Who asked for memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asker {
    pub pid: u32,
    /// number of the task that it was then
    pub task: u32,
    pub cpu: u16,
}

/// The profiles that have been met. Whoever has to do with millions of allocations remembers their numbers.
pub(crate) struct Profiles<'a> {
    names: &'a Names<'a>,
    /// whether threads of the same name, and CPUs, are told apart
    threads: bool,
    numbers: NumberMap<[u64; 4], u32>,
    profiles: Vec<Profile>,
}

impl<'a> Profiles<'a> {
    /// `threads`: whether anybody tells threads of the same name apart, or CPUs. If not, there are no more profiles however many threads come and go.
    pub fn new(names: &'a Names<'a>, threads: bool) -> Self {
        Self { names, threads, numbers: NumberMap::default(), profiles: Vec::new() }
    }

    /// The number of the profile of what was asked for by `asker` (`None`: nobody knows) and is equal in `rest`. When it is met for the first time, `rest_of`
    /// enters what `rest` stands for.
    pub fn number(&mut self, asker: Option<Asker>, rest: [u64; 2], rest_of: impl FnOnce(Profile) -> Profile) -> u32 {
        let who = match asker {
            None => [u64::MAX; 2],
            Some(Asker { pid, task, cpu }) if self.threads => [u64::from(pid) << 32 | u64::from(task), u64::from(cpu)],
            Some(Asker { task, .. }) => [u64::from(self.names.tasks.named(task).comm), 0],
        };
        let Self { names, threads, numbers, profiles } = self;
        *numbers.entry([who[0], who[1], rest[0], rest[1]]).or_insert_with(|| {
            profiles.push(rest_of(asker.map_or(Profile::UNKNOWN, |asker| of_asker(asker, *threads, names))));
            profiles.len() as u32 - 1
        })
    }

    pub fn get(&self, number: u32) -> &Profile {
        &self.profiles[number as usize]
    }
}

/// What is known of the asker alone.
pub(crate) fn of_asker(Asker { pid, task, cpu }: Asker, threads: bool, names: &Names<'_>) -> Profile {
    let Named { process, comm, cgroup } = names.tasks.named(task);
    let known = |number: u32| if number == tasks::UNKNOWN { UNKNOWN } else { i64::from(number) };
    let by_name = Profile { comm: known(comm), ..Profile::UNKNOWN };
    if !threads {
        return by_name;
    }
    let cgroup = if cgroup == 0 { UNKNOWN } else { cgroup.cast_signed() };
    Profile { pid: i64::from(pid), cpu: i64::from(cpu), process: known(process), cgroup, ..by_name }
}
