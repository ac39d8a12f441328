//! The eBPF programs. A program reads the arguments of a tracepoint, applies the filter, counts the event, and emits a
//! record. User space resolves names, zones and frame numbers.
//!
//! ```text
//! tracepoint ─► record: arguments ─► filter ─► ring ─► user space       collector record
//!            └► count:  arguments ─► filter ─► maps ─► user space       collector stat, top
//! ```
//!
//! There is one program per tracepoint. The kernel does not run a program that would interrupt *itself* on a CPU, and
//! counts that event as missed. A free in a hard interrupt may come while the program for allocations runs. Because
//! frees have a program of their own, that free is not missed.
#![no_std]
#![no_main]
#![feature(asm_experimental_arch)]

mod count;
mod filter;
mod kmem_cache;
mod maps;
mod record;
mod ring;
mod settings;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // The verifier refuses a program that could get here, so none of the programs can panic.
    loop {}
}

/// The licence of the programs, for the kernel: only a GPL-compatible program may call `bpf_probe_read_kernel`. The
/// code in this object is also licensed under MIT.
#[unsafe(no_mangle)]
#[unsafe(link_section = "license")]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
