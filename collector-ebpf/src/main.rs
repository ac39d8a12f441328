//! The eBPF programs. A program reads the arguments of a traced call, filters, counts, and emits a record; names, zones
//! and frame numbers are the business of user space.
//!
//! ```text
//! tracepoint ─► record: arguments ─► filter ─► ring ─► user space       collector record
//!            └► count:  arguments ─► filter ─► maps ─► user space       collector stat, top
//! ```
//!
//! There is one program per tracepoint. The kernel does not run a program that would interrupt *itself* on a CPU, and
//! counts that ("missed"). A free in a hard interrupt may well come while the program for allocations runs: because
//! frees have a program of their own, that event is not missed.
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
    // The verifier refuses a program that could get here: nothing in it can panic.
    loop {}
}

/// Only a GPL-compatible program may call `bpf_probe_read_kernel`; what is linked here is also licensed MIT.
#[unsafe(no_mangle)]
#[unsafe(link_section = "license")]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
