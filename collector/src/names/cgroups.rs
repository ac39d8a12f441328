use std::collections::HashSet;

use trace::Cgroup;

use super::name_rows::NameRows;
use crate::kernel::Cgroups;

/// The paths of the cgroups that tasks are in.
pub struct CgroupNames {
    cgroups: Cgroups,
    seen: HashSet<u64>,
    pub rows: NameRows<Cgroup>,
}

impl CgroupNames {
    /// Of this host.
    pub fn new(cgroups: Cgroups) -> Self {
        Self { cgroups, seen: HashSet::new(), rows: NameRows::default() }
    }

    /// The cgroup of a process that runs.
    pub fn of_process(&mut self, pid: i32) -> u64 {
        self.cgroups.of_process(pid)
    }

    /// Finds the path of a cgroup, if it is new.
    pub fn add(&mut self, id: u64, time: u64) {
        if id != 0 && self.seen.insert(id) {
            let path = self.cgroups.path(id).unwrap_or("?").to_owned();
            self.rows.push(Cgroup { time, id, path });
        }
    }
}
