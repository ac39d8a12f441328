//! The filter as the user writes it, with flags and cgroups by name.

use trace::Header;

use crate::{Error, bpf, kernel::Cgroups};

/// The conditions that an event must meet, all of them, to be wanted. The eBPF programs count the other events as
/// filtered.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// The only process (tgid) whose events are wanted; 0 means all.
    pub pid: u32,
    /// The only thread name whose events are wanted, of which the first 15 bytes count; empty means all.
    pub comm: String,
    /// The path of the only cgroup (version 2) whose events are wanted, including the cgroups below it; `None` means
    /// all.
    pub cgroup: Option<String>,
    /// The least order of pages.
    pub min_order: u32,
    /// The GFP flags that an allocation must have, all of them, by the running kernel's names. Every free passes.
    pub gfp: Option<String>,
    /// The least number of bytes that a kmalloc must ask for. Every kfree passes.
    pub min_bytes: u32,
    /// The sampling divisor N: one page frame and one object in N is followed, with all of its events; 0 and 1 mean
    /// all.
    pub sample: u32,
}

impl Filter {
    /// Returns the filter in the form for the eBPF programs, with the running kernel's numbers in place of names.
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
