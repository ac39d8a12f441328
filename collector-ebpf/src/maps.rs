//! The maps that the recording programs share with user space.

use aya_ebpf::{
    bindings::BPF_F_MMAPABLE,
    btf_maps::{Array, HashMap, PerCpuArray},
    macros::btf_map,
};
use trace::{Counters, Program, RingEnds, Slot};

/// The slots of all rings, those of CPU 0 first. User space sets the length before it loads the programs, and maps the
/// array into its own memory.
#[btf_map]
pub static SLOTS: Array<Slot, 1, { BPF_F_MMAPABLE as usize }> = Array::new();

/// The ends of each CPU's ring, by CPU. User space sets the length before it loads the programs, and maps the array
/// into its own memory.
#[btf_map]
pub static RING_ENDS: Array<RingEnds, 1, { BPF_F_MMAPABLE as usize }> = Array::new();

/// The counters of what became of the events of each program on each CPU, by [`Program`].
#[btf_map]
pub static COUNTERS: PerCpuArray<Counters, { Program::ALL.len() }> = PerCpuArray::new();

/// The addresses of the `kmem_cache`s whose [`trace::CacheRecord`] was emitted. The map is preallocated, because
/// nothing may be allocated inside the allocator.
#[btf_map]
pub static CACHES: HashMap<u64, u8, 16384> = HashMap::new();
