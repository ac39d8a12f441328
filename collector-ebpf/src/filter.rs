//! Which events are wanted. A filter that was not asked for costs nothing: the settings are constants to the verifier,
//! which drops the branches.

use aya_ebpf::helpers::{bpf_get_current_ancestor_cgroup_id, bpf_get_current_comm, bpf_get_current_pid_tgid};
use trace::NO_PFN;

use crate::settings::{setting, settings};

settings! {
    /// The collector's own process, whose events are counted as filtered; 0 = none.
    SELF_TGID: u32;
    /// If not 0, only events of this process are wanted.
    ONLY_TGID: u32;
    /// If not 0, only events of threads with this name are wanted: its 16 bytes, padded with zeros, in memory order.
    ONLY_COMM: u128;
    /// If not 0, only events of threads in this cgroup (version 2) or in one below it are wanted.
    ONLY_CGROUP: u64;
    /// How far that cgroup is below the root.
    CGROUP_LEVEL: u32;
    /// Only pages of at least this order are wanted.
    MIN_ORDER: u32;
    /// Only allocations of pages and objects with all these GFP bits are wanted; frees have none and pass.
    GFP_BITS: u32;
    /// Only objects that were asked for with at least so many bytes are wanted; frees have no size and pass.
    MIN_BYTES: u32;
    /// If not 0, only page frames and objects whose hash is below this are wanted: 2^32 / N keeps one in N, and
    /// everything that happens to it.
    SAMPLE_BELOW: u32;
}

/// The thread that runs. In an interrupt it is the interrupted thread.
#[derive(Clone, Copy)]
pub struct Current {
    /// the thread (the kernel's pid)
    pub pid: u32,
    /// its process
    pub tgid: u32,
}

impl Current {
    /// Asks the kernel which thread runs.
    #[inline(always)]
    pub fn get() -> Self {
        let both = bpf_get_current_pid_tgid();
        Self { pid: both as u32, tgid: (both >> 32) as u32 }
    }

    /// Whether events of this thread are wanted: it is not the collector's own, and the filter lets it through.
    #[inline(always)]
    pub fn wanted(self) -> bool {
        let own = setting(&SELF_TGID);
        (own == 0 || self.tgid != own) && self.passes()
    }

    /// Whether the filter lets events of this thread through, even if it is the collector's own.
    #[inline(always)]
    pub fn passes(self) -> bool {
        let (only, comm, cgroup) = (setting(&ONLY_TGID), setting(&ONLY_COMM), setting(&ONLY_CGROUP));
        if only != 0 && self.tgid != only {
            return false;
        }
        // SAFETY: the helper only returns a number.
        if cgroup != 0 && unsafe { bpf_get_current_ancestor_cgroup_id(setting(&CGROUP_LEVEL) as i32) } != cgroup {
            return false;
        }
        comm == 0 || bpf_get_current_comm().is_ok_and(|name| u128::from_ne_bytes(name) == comm)
    }
}

/// Whether pages of this order are wanted.
#[inline(always)]
pub fn order_wanted(order: u32) -> bool {
    order >= setting(&MIN_ORDER)
}

/// Whether an allocation with this GFP mask is wanted.
#[inline(always)]
pub fn gfp_wanted(gfp: u32) -> bool {
    gfp & setting(&GFP_BITS) == setting(&GFP_BITS)
}

/// Whether an object is wanted that was asked for with so many bytes.
#[inline(always)]
pub fn size_wanted(bytes_req: u64) -> bool {
    bytes_req >= u64::from(setting(&MIN_BYTES))
}

/// Whether this page frame or object is in the sample; the address of its `struct page` will do for a frame. An event
/// without one (a failed allocation, a free of NULL) always is.
#[inline(always)]
pub fn sampled(address: u64) -> bool {
    // Fibonacci hashing spreads neighbours evenly, and frames and objects are neighbours.
    const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
    let below = setting(&SAMPLE_BELOW);
    below == 0 || address == 0 || address == NO_PFN || ((address.wrapping_mul(GOLDEN) >> 32) as u32) < below
}
