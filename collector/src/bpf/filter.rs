//! The filter in the form in which the eBPF programs get it before they are loaded.

use aya::EbpfLoader;

use crate::kernel::Cgroup;

/// The conditions that an event must meet, all of them, to be wanted. The programs count the other events as filtered.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// The process (tgid) whose events are counted as filtered, which is the collector; 0 means none.
    pub self_tgid: u32,
    /// The only process (tgid) whose events are wanted; 0 means all.
    pub only_tgid: u32,
    /// The only thread name whose events are wanted; empty means all.
    pub comm: String,
    /// The only cgroup whose events are wanted, including the cgroups below it; `None` means all.
    pub cgroup: Option<Cgroup>,
    /// The least order of pages.
    pub min_order: u32,
    /// The GFP bits that an allocation must have, all of them. Frees have no GFP bits, and pass.
    pub gfp_bits: u32,
    /// The least number of bytes that an allocation of an object must ask for. Frees have no size, and pass.
    pub min_bytes: u32,
    /// The sampling divisor N: one page frame and one object in N is followed; 0 and 1 mean all.
    pub sample: u32,
}

impl Filter {
    /// Returns the thread name as the kernel stores it: at most 15 bytes, padded with zeros.
    fn comm_bits(&self) -> u128 {
        let mut name = [0; 16];
        for (to, from) in name.iter_mut().zip(self.comm.bytes().take(15)) {
            *to = from;
        }
        u128::from_ne_bytes(name)
    }

    /// Returns the bound with which the programs compare the hash of a frame or object; 0 means that all pass.
    fn sample_below(&self) -> u32 {
        if self.sample > 1 { (1_u64 << 32).div_ceil(u64::from(self.sample)) as u32 } else { 0 }
    }

    /// Returns whether every event passes.
    pub(super) fn is_empty(&self) -> bool {
        let Self { self_tgid, only_tgid, comm, cgroup, min_order, gfp_bits, min_bytes, sample } = self;
        let numbers = [self_tgid, only_tgid, min_order, gfp_bits, min_bytes];
        comm.is_empty() && cgroup.is_none() && *sample <= 1 && numbers.into_iter().all(|setting| *setting == 0)
    }

    /// Returns the parts of the filter that the programs get in another form.
    pub(super) fn settings(&self) -> FilterSettings {
        FilterSettings {
            comm: self.comm_bits(),
            sample_below: self.sample_below(),
            cgroup: self.cgroup.unwrap_or_default(),
        }
    }

    /// Sets the filter in the object that will be loaded. `settings` is the result of [`settings`](Self::settings), to
    /// which the loader keeps references.
    pub(super) fn apply<'a>(&'a self, settings: &'a FilterSettings, loader: &mut EbpfLoader<'a>) {
        let FilterSettings { comm, sample_below, cgroup } = settings;
        loader.override_global("ONLY_CGROUP", &cgroup.id, true).override_global("CGROUP_LEVEL", &cgroup.level, true);
        loader.override_global("SAMPLE_BELOW", sample_below, true).override_global("ONLY_COMM", comm, true);
        loader.override_global("SELF_TGID", &self.self_tgid, true).override_global("ONLY_TGID", &self.only_tgid, true);
        loader.override_global("MIN_ORDER", &self.min_order, true).override_global("GFP_BITS", &self.gfp_bits, true);
        loader.override_global("MIN_BYTES", &self.min_bytes, true);
    }
}

/// The parts of a [`Filter`] that the programs get in another form.
pub(super) struct FilterSettings {
    comm: u128,
    sample_below: u32,
    cgroup: Cgroup,
}
