//! Which events are wanted, as the eBPF programs are told it before they are loaded.

use aya::EbpfLoader;

use crate::kernel::Cgroup;

/// Which events are wanted: those that fulfil everything here. The programs count the others as filtered.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// the process whose events are counted as filtered, which is the collector; 0 = none
    pub self_tgid: u32,
    /// the only process whose events are wanted; 0 = all
    pub only_tgid: u32,
    /// the only name of threads whose events are wanted; empty = all
    pub comm: String,
    /// the only cgroup whose threads' events are wanted, with the cgroups below it; `None` = all
    pub cgroup: Option<Cgroup>,
    /// the least order of pages
    pub min_order: u32,
    /// GFP bits that an allocation must have, all of them; frees have none and pass
    pub gfp_bits: u32,
    /// the least number of bytes with which an object was asked for; frees have no size and pass
    pub min_bytes: u32,
    /// one page frame and one object in so many is followed; 0 and 1 = all
    pub sample: u32,
}

impl Filter {
    /// The name as the kernel keeps it: 15 bytes at most, padded with zeros.
    fn comm_bits(&self) -> u128 {
        let mut name = [0; 16];
        for (to, from) in name.iter_mut().zip(self.comm.bytes().take(15)) {
            *to = from;
        }
        u128::from_ne_bytes(name)
    }

    /// The bound that the programs compare the hash of a frame or object with; 0 = all pass.
    fn sample_below(&self) -> u32 {
        if self.sample > 1 { (1_u64 << 32).div_ceil(u64::from(self.sample)) as u32 } else { 0 }
    }

    /// Whether every event passes.
    pub(super) fn is_empty(&self) -> bool {
        let Self { self_tgid, only_tgid, comm, cgroup, min_order, gfp_bits, min_bytes, sample } = self;
        let numbers = [self_tgid, only_tgid, min_order, gfp_bits, min_bytes];
        comm.is_empty() && cgroup.is_none() && *sample <= 1 && numbers.into_iter().all(|setting| *setting == 0)
    }

    /// The parts of the filter that the programs are told in another form.
    pub(super) fn settings(&self) -> FilterSettings {
        FilterSettings {
            comm: self.comm_bits(),
            sample_below: self.sample_below(),
            cgroup: self.cgroup.unwrap_or_default(),
        }
    }

    /// Sets the filter in the object that will be loaded; `settings` is what [`settings`](Self::settings) gave, which
    /// the loader refers to.
    pub(super) fn apply<'a>(&'a self, settings: &'a FilterSettings, loader: &mut EbpfLoader<'a>) {
        let FilterSettings { comm, sample_below, cgroup } = settings;
        loader.override_global("ONLY_CGROUP", &cgroup.id, true).override_global("CGROUP_LEVEL", &cgroup.level, true);
        loader.override_global("SAMPLE_BELOW", sample_below, true).override_global("ONLY_COMM", comm, true);
        loader.override_global("SELF_TGID", &self.self_tgid, true).override_global("ONLY_TGID", &self.only_tgid, true);
        loader.override_global("MIN_ORDER", &self.min_order, true).override_global("GFP_BITS", &self.gfp_bits, true);
        loader.override_global("MIN_BYTES", &self.min_bytes, true);
    }
}

/// The parts of a [`Filter`] that the programs are told in another form.
pub(super) struct FilterSettings {
    comm: u128,
    sample_below: u32,
    cgroup: Cgroup,
}
