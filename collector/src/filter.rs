//! Which events the user wants, in the user's words: flags and cgroups by their names.

use trace::Header;

use crate::{Error, bpf, kernel::Cgroups};

/// Which events are wanted: those that fulfil everything here. The eBPF programs count the others as filtered.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// only events of this process; 0 = of all
    pub pid: u32,
    /// only events of threads with this name, of which the first 15 bytes count; empty = of all
    pub comm: String,
    /// only events of threads in this cgroup (version 2) or below it, by its path
    pub cgroup: Option<String>,
    /// only pages of this order or above
    pub min_order: u32,
    /// only allocations with all these GFP flags, by the running kernel's names; every free passes
    pub gfp: Option<String>,
    /// only kmalloc of at least so many bytes; every kfree passes
    pub min_bytes: u32,
    /// only one page frame and one object in so many, but everything that happens to it; 0 and 1 = all
    pub sample: u32,
}

impl Filter {
    /// The filter as the eBPF programs are given it, with the running kernel's numbers in place of names.
    ///
    /// # Errors
    /// [`Error::Option`] if this kernel has no such GFP flag, or no such cgroup.
    pub(crate) fn resolve(&self, header: &Header, cgroups: &Cgroups) -> Result<bpf::Filter, Error> {
        let gfp_bits = match &self.gfp {
            Some(text) => header.gfp.encode(text).map_err(|part| Error::unknown_gfp(&part, &header.gfp))?,
            None => 0,
        };
        Ok(bpf::Filter {
            self_tgid: 0,
            only_tgid: self.pid,
            comm: self.comm.clone(),
            cgroup: self.cgroup.as_deref().map(|path| cgroups.named(path)).transpose()?,
            min_order: self.min_order,
            gfp_bits,
            min_bytes: self.min_bytes,
            sample: self.sample,
        })
    }
}
