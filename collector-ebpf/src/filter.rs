//! Which events are wanted. What is not asked for costs nothing: the settings are constants to the verifier, and it drops the branches.

use aya_ebpf::helpers::{bpf_get_current_comm, bpf_get_current_pid_tgid};

use crate::maps::{setting, settings};

settings! {
    /// The collector's own process: its events are counted as filtered. 0 = nobody's.
    SELF_TGID: u32;
    /// If not 0, only this process's events are wanted.
    ONLY_TGID: u32;
    /// If not 0, only events of threads with this name: its 16 bytes, padded with zeros, in memory order.
    ONLY_COMM: u128;
    /// Only pages of at least this order.
    MIN_ORDER: u32;
    /// Only page and object allocations with all these GFP bits; frees have none and stay.
    GFP_BITS: u32;
    /// Only objects of at least so many bytes asked for; frees have no size and stay.
    MIN_BYTES: u32;
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

    #[inline(always)]
    fn wanted(self) -> bool {
        let (own, only, comm) = (setting(&SELF_TGID), setting(&ONLY_TGID), setting(&ONLY_COMM));
        if (own != 0 && self.tgid == own) || (only != 0 && self.tgid != only) {
            return false;
        }
        comm == 0 || bpf_get_current_comm().is_ok_and(|name| u128::from_ne_bytes(name) == comm)
    }

    #[inline(always)]
    pub fn wants_page_alloc(self, order: u32, gfp: u32) -> bool {
        self.wants_page_free(order) && gfp & setting(&GFP_BITS) == setting(&GFP_BITS)
    }

    #[inline(always)]
    pub fn wants_page_free(self, order: u32) -> bool {
        self.wanted() && order >= setting(&MIN_ORDER)
    }

    #[inline(always)]
    pub fn wants_kmalloc(self, bytes_req: u64, gfp: u32) -> bool {
        self.wanted() && bytes_req >= u64::from(setting(&MIN_BYTES)) && gfp & setting(&GFP_BITS) == setting(&GFP_BITS)
    }

    #[inline(always)]
    pub fn wants_kfree(self) -> bool {
        self.wanted()
    }
}
