//! Which events are wanted. What is not asked for costs nothing: the settings are constants to the verifier, and it
//! drops the branches.

use aya_ebpf::helpers::{bpf_get_current_ancestor_cgroup_id, bpf_get_current_comm, bpf_get_current_pid_tgid};
use trace::NO_PFN;

use crate::maps::{setting, settings};

settings! {
    /// The collector's own process: its events are counted as filtered. 0 = nobody's.
    SELF_TGID: u32;
    /// If not 0, only this process's events are wanted.
    ONLY_TGID: u32;
    /// If not 0, only events of threads with this name: its 16 bytes, padded with zeros, in memory order.
    ONLY_COMM: u128;
    /// If not 0, only events of threads in this cgroup (version 2), which is so far below the root, and in those below
    /// it.
    ONLY_CGROUP: u64;
    CGROUP_LEVEL: u32;
    /// Only pages of at least this order.
    MIN_ORDER: u32;
    /// Only page and object allocations with all these GFP bits; frees have none and stay.
    GFP_BITS: u32;
    /// Only objects of at least so many bytes asked for; frees have no size and stay.
    MIN_BYTES: u32;
    /// If not 0, only frames and objects whose hash is below this: 2^32 / N keeps one in N, and of each of them
    /// everything that happens to it.
    SAMPLE_BELOW: u32;
}

/// The thread that runs.
#[derive(Clone, Copy)]
pub struct Current {
    pub pid: u32,
    pub tgid: u32,
}

impl Current {
    #[inline(always)]
    pub fn get() -> Self {
        let both = bpf_get_current_pid_tgid();
        Self { pid: both as u32, tgid: (both >> 32) as u32 }
    }

    /// Whether events of this thread are wanted.
    #[inline(always)]
    pub fn wanted(self) -> bool {
        let own = setting(&SELF_TGID);
        (own == 0 || self.tgid != own) && self.passes()
    }

    /// Whether what was asked for lets this thread's events through, should it be the collector's own.
    #[inline(always)]
    pub fn passes(self) -> bool {
        let (only, comm, cgroup) = (setting(&ONLY_TGID), setting(&ONLY_COMM), setting(&ONLY_CGROUP));
        if only != 0 && self.tgid != only {
            return false;
        }
        // SAFETY: gives a number.
        if cgroup != 0 && unsafe { bpf_get_current_ancestor_cgroup_id(setting(&CGROUP_LEVEL) as i32) } != cgroup {
            return false;
        }
        comm == 0 || bpf_get_current_comm().is_ok_and(|name| u128::from_ne_bytes(name) == comm)
    }
}

#[inline(always)]
pub fn order_wanted(order: u32) -> bool {
    order >= setting(&MIN_ORDER)
}

#[inline(always)]
pub fn gfp_wanted(gfp: u32) -> bool {
    gfp & setting(&GFP_BITS) == setting(&GFP_BITS)
}

#[inline(always)]
pub fn size_wanted(bytes_req: u64) -> bool {
    bytes_req >= u64::from(setting(&MIN_BYTES))
}

/// Whether this frame or object is one of those that are followed. What has none (a failed allocation, a free of NULL)
/// always is.
#[inline(always)]
pub fn sampled(address: u64) -> bool {
    // Fibonacci hashing: neighbours, which is what frames and objects are, spread evenly.
    const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
    let below = setting(&SAMPLE_BELOW);
    below == 0 || address == 0 || address == NO_PFN || ((address.wrapping_mul(GOLDEN) >> 32) as u32) < below
}
