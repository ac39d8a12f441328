//! What the programs share with user space.

use aya_ebpf::{
    bindings::BPF_F_MMAPABLE,
    btf_maps::{Array, HashMap, PerCpuArray},
    macros::btf_map,
};
use trace::{Counters, Program, RingEnds, Slot};

/// The rings of all CPUs, one behind the other. User space sizes the array, and has it in its own memory.
#[btf_map]
pub static SLOTS: Array<Slot, 1, { BPF_F_MMAPABLE as usize }> = Array::new();

/// By CPU. The same.
#[btf_map]
pub static RING_ENDS: Array<RingEnds, 1, { BPF_F_MMAPABLE as usize }> = Array::new();

/// By [`Program`].
#[btf_map]
pub static COUNTERS: PerCpuArray<Counters, { Program::ALL.len() }> = PerCpuArray::new();

/// The addresses of the `kmem_cache`s that user space has been told of. Preallocated: nothing may be allocated inside
/// the allocator.
#[btf_map]
pub static CACHES: HashMap<u64, u8, 16384> = HashMap::new();

/// Settings that user space writes before loading. They are read-only from then on, so the verifier drops what they
/// rule out.
macro_rules! settings {
    ($($(#[doc = $doc:literal])* $name:ident: $type:ty;)*) => { $(
        $(#[doc = $doc])*
        #[unsafe(no_mangle)]
        static $name: $type = 0;
    )* };
}
pub(crate) use settings;

/// Reads a setting.
#[inline(always)]
pub fn setting<T: Copy>(setting: &'static T) -> T {
    // SAFETY: a live reference. Volatile because the value is patched into the object after it was compiled.
    unsafe { core::ptr::read_volatile(setting) }
}
