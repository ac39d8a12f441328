//! What the programs share with user space.

use aya_ebpf::{
    btf_maps::{ArrayOfMaps, HashMap, PerCpuArray, RingBuf},
    macros::btf_map,
};
use trace::{Counters, Program};

/// One ring per CPU, so that no CPU waits for another's lock. User space sizes the array and puts the rings in.
#[btf_map]
pub static RINGS: ArrayOfMaps<RingBuf<u64, 4096>, 1> = ArrayOfMaps::new();

/// By [`Program`].
#[btf_map]
pub static COUNTERS: PerCpuArray<Counters, { Program::ALL.len() }> = PerCpuArray::new();

/// The addresses of the `kmem_cache`s that user space has been told of. Preallocated: nothing may be allocated inside the allocator.
#[btf_map]
pub static CACHES: HashMap<u64, u8, 16384> = HashMap::new();

/// Settings that user space writes before loading. They are read-only from then on, so the verifier drops what they rule out.
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
