//! The eBPF programs: read arguments, filter, count, emit. Nothing else happens here; names, zones and frames are user
//! space's.
//!
//! One program per tracepoint. The kernel keeps a program from interrupting *itself* on a CPU and counts it where it
//! did ("missed"), but a free in a hard interrupt may well come while the program for allocations runs: as they are two
//! programs, neither is lost.
#![no_std]
#![no_main]
#![feature(asm_experimental_arch)]

mod atomic;
mod emit;
mod events;
mod filter;
mod kmem_cache;
mod latency;
mod maps;
mod pressure;
mod raw_tracepoint;
mod tally;
mod tasks;
mod tracepoint;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // The verifier refuses a program that could get here: nothing in it can panic.
    loop {}
}

/// Only a GPL-compatible program may call `bpf_probe_read_kernel`; what is linked here is also licensed MIT.
#[unsafe(no_mangle)]
#[unsafe(link_section = "license")]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
