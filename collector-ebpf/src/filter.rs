//! The filter, which decides which events are wanted. A filter that was not asked for costs nothing: the settings are
//! constants to the verifier, which drops the branches that they rule out.

use aya_ebpf::helpers::{bpf_get_current_ancestor_cgroup_id, bpf_get_current_comm, bpf_get_current_pid_tgid};
use trace::NO_PFN;

use crate::settings::{setting, settings};

settings! {
    /// The collector's own process (tgid), whose events are counted as filtered; 0 means none.
    SELF_TGID: u32;
    /// If not 0, only events of this process (tgid) are wanted.
    ONLY_TGID: u32;
    /// If not 0, only events of threads with this name are wanted. The number holds the 16 bytes of the name, padded
    /// with zeros, in memory order.
    ONLY_COMM: u128;
    /// If not 0, only events of threads in this cgroup (version 2) or in one below it are wanted.
    ONLY_CGROUP: u64;
    /// The number of levels by which the cgroup of `ONLY_CGROUP` is below the root.
    CGROUP_LEVEL: u32;
    /// Only events of blocks of at least this order are wanted.
    MIN_ORDER: u32;
    /// Only allocations of pages and objects with all these GFP bits are wanted. Frees have no GFP bits, and pass.
    GFP_BITS: u32;
    /// Only allocations of objects that ask for at least this number of bytes are wanted. Frees have no size, and pass.
    MIN_BYTES: u32;
    /// If not 0, only page frames and objects whose hash is below this value are wanted. The value 2^32 / N keeps one
    /// page frame or object in N, with all of its events.
    SAMPLE_BELOW: u32;
}

/// The thread that runs on this CPU; in an interrupt, the interrupted thread.
#[derive(Clone, Copy)]
pub struct Current {
    /// The thread (the kernel's pid).
    pub pid: u32,
    /// The thread's process (the kernel's tgid).
    pub tgid: u32,
}

impl Current {
    /// Returns the thread that runs.
    #[inline(always)]
    pub fn get() -> Self {
        let both = bpf_get_current_pid_tgid();
        Self { pid: both as u32, tgid: (both >> 32) as u32 }
    }

    /// Returns whether events of this thread are wanted: the thread is not the collector's own, and passes the filter.
    #[inline(always)]
    pub fn wanted(self) -> bool {
        let own = setting(&SELF_TGID);
        (own == 0 || self.tgid != own) && self.passes()
    }

    /// Returns whether events of this thread pass the filter, even if the thread is the collector's own.
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

/// Returns whether events of blocks of this order are wanted.
#[inline(always)]
pub fn order_wanted(order: u32) -> bool {
    order >= setting(&MIN_ORDER)
}

/// Returns whether an allocation with this GFP mask is wanted.
#[inline(always)]
pub fn gfp_wanted(gfp: u32) -> bool {
    gfp & setting(&GFP_BITS) == setting(&GFP_BITS)
}

/// Returns whether an allocation of an object that asks for `bytes_req` bytes is wanted.
#[inline(always)]
pub fn size_wanted(bytes_req: u64) -> bool {
    bytes_req >= u64::from(setting(&MIN_BYTES))
}

/// Returns whether a page frame or object is in the sample. A page frame may be given by its number or by the address
/// of its `struct page`. An event without an address (a failed allocation, a free of NULL) is always in the sample.
#[inline(always)]
pub fn sampled(address: u64) -> bool {
    // Fibonacci hashing spreads consecutive numbers evenly, and the addresses of frames and objects are close to one
    // another.
    const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
    let below = setting(&SAMPLE_BELOW);
    below == 0 || address == 0 || address == NO_PFN || ((address.wrapping_mul(GOLDEN) >> 32) as u32) < below
}
