//! The paths of control groups.

use std::collections::HashSet;

use trace::Cgroup;

use super::name_rows::NameRows;
use crate::kernel::Cgroups;

/// Finds the paths of the tasks' cgroups. The kernel's numbers are used as they are.
pub struct CgroupNames {
    cgroups: Cgroups,
    /// The kernel's numbers of the cgroups that have a row.
    known: HashSet<u64>,
    pub rows: NameRows<Cgroup>,
}

impl CgroupNames {
    /// Returns a table in which no cgroup has a row yet.
    pub fn new(cgroups: Cgroups) -> Self {
        Self { cgroups, known: HashSet::new(), rows: NameRows::default() }
    }

    /// Returns the number of a running process' cgroup; 0 if unknown.
    pub fn of_process(&mut self, pid: i32) -> u64 {
        self.cgroups.of_process(pid)
    }

    /// Adds a row with the path of a cgroup, if the cgroup has none yet.
    pub fn add(&mut self, id: u64, time: u64) {
        if id != 0 && self.known.insert(id) {
            let path = self.cgroups.path(id).unwrap_or("?").to_owned();
            self.rows.push(Cgroup { time, id, path });
        }
    }
}
