//! The eBPF object that the collector carries.

/// All programs and maps, compiled from `collector-ebpf`. `build.rs` checks that the kept object was made from these very sources.
pub(super) static OBJECT: &[u8] = aya::include_bytes_aligned!(env!("EBPF_OBJECT"));
