//! The eBPF object, which is part of the collector's binary.

/// The object with all programs and maps, compiled from `collector-ebpf`. `build.rs` checks that the object in the
/// repository was built from the present sources.
pub(super) static OBJECT: &[u8] = aya::include_bytes_aligned!(env!("EBPF_OBJECT"));
