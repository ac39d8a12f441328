//! Per-CPU variables: each CPU has its own copy, so that no one waits for a lock and no cache line travels.

use alloc::vec::Vec;

use crate::Cpu;

/// A variable with a copy for each CPU, and a count of who touched whose.
#[derive(Clone, Debug)]
pub struct PerCpu<T> {
    copies: Vec<T>,
    local: u64,
    remote: u64,
}

impl<T: Clone> PerCpu<T> {
    /// `alloc_percpu`: one copy each.
    pub fn new(cpus: u16, initial: &T) -> Self {
        Self { copies: (0..cpus).map(|_| initial.clone()).collect(), local: 0, remote: 0 }
    }
}

impl<T> PerCpu<T> {
    /// `get_cpu_var`: the copy of the CPU that runs.
    pub fn this_cpu(&mut self, running: Cpu) -> Option<&mut T> {
        self.local += 1;
        self.copies.get_mut(usize::from(running.0))
    }

    /// `per_cpu`: another CPU's copy, whose cache line must travel here.
    pub fn of(&mut self, running: Cpu, cpu: Cpu) -> Option<&mut T> {
        if running == cpu {
            return self.this_cpu(cpu);
        }
        self.remote += 1;
        self.copies.get_mut(usize::from(cpu.0))
    }

    /// All copies, for sums.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.copies.iter()
    }

    /// Accesses to the own copy and to others'.
    pub const fn accesses(&self) -> (u64, u64) {
        (self.local, self.remote)
    }
}
