//! Fields of the `struct kmem_cache` of a slab cache, read from the kernel's memory.

use aya_ebpf::helpers::{bpf_probe_read_kernel, bpf_probe_read_kernel_str_bytes};

use crate::settings::{setting, settings};

settings! {
    /// The byte offsets of the fields of `struct kmem_cache`, from the kernel's type information (BTF).
    KMEM_CACHE_NAME: u32;
    KMEM_CACHE_OBJECT_SIZE: u32;
    KMEM_CACHE_SIZE: u32;
}

/// Returns the `size` of a cache, which is the memory that an object takes, and the `object_size`, which is the size
/// that was asked for. Both are in bytes, and 0 if they cannot be read.
#[inline(always)]
pub fn sizes(cache: u64) -> (u32, u32) {
    let (size, object_size) = (setting(&KMEM_CACHE_SIZE), setting(&KMEM_CACHE_OBJECT_SIZE));
    let at = |offset: u32| cache + u64::from(offset);
    // SAFETY: the helper lets the kernel copy, and fails if the address cannot be read.
    unsafe {
        // On the kernels that we know (6.1 to 6.18), the two fields are adjacent, and one copy takes half the time of
        // two.
        if object_size == size + 4 {
            let both = bpf_probe_read_kernel(at(size) as *const u64).unwrap_or(0);
            return (both as u32, (both >> 32) as u32);
        }
        (
            bpf_probe_read_kernel(at(size) as *const u32).unwrap_or(0),
            bpf_probe_read_kernel(at(object_size) as *const u32).unwrap_or(0),
        )
    }
}

/// Returns the name of a cache, which ends at the first 0 byte; empty if the name cannot be read.
#[inline(always)]
pub fn name(cache: u64) -> [u8; 32] {
    let mut name = [0; 32];
    // SAFETY: the helpers let the kernel copy, and fail if the address cannot be read.
    unsafe {
        let pointer = bpf_probe_read_kernel((cache + u64::from(setting(&KMEM_CACHE_NAME))) as *const u64).unwrap_or(0);
        let _none = bpf_probe_read_kernel_str_bytes(pointer as *const u8, &mut name).is_err();
    }
    name
}
