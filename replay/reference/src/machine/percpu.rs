//! Per-CPU variables: each CPU has its own copy, so no CPU waits for a lock and no cache line moves between CPUs.

use alloc::vec::Vec;

use crate::Cpu;

/// A variable with one copy for each CPU, and counts of accesses to the own copy and to others.
#[derive(Clone, Debug)]
pub struct PerCpu<T> {
    copies: Vec<T>,
    local: u64,
    remote: u64,
}

impl<T: Clone> PerCpu<T> {
    /// `alloc_percpu`: creates a variable with one copy for each CPU.
    pub fn new(cpus: u16, initial: &T) -> Self {
        Self { copies: (0..cpus).map(|_| initial.clone()).collect(), local: 0, remote: 0 }
    }
}

impl<T> PerCpu<T> {
    /// `get_cpu_var`: returns the copy of the running CPU.
    pub fn this_cpu(&mut self, running: Cpu) -> Option<&mut T> {
        self.local += 1;
        self.copies.get_mut(usize::from(running.0))
    }

    /// `per_cpu`: returns the copy of a CPU. If it is not the running CPU's, its cache line must move here.
    pub fn of(&mut self, running: Cpu, cpu: Cpu) -> Option<&mut T> {
        if running == cpu {
            return self.this_cpu(cpu);
        }
        self.remote += 1;
        self.copies.get_mut(usize::from(cpu.0))
    }

    /// Iterates over all copies, in the order of their CPUs.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.copies.iter()
    }

    /// Returns the number of accesses to the running CPU's own copy, and of accesses to other CPUs' copies.
    pub const fn accesses(&self) -> (u64, u64) {
        (self.local, self.remote)
    }
}
