//! The two atomic operations that the rings need. Rust has none for the BPF target, whose instruction set got them with
//! Linux 5.12 (`BPF_FETCH` and `BPF_XCHG`, Documentation/bpf/standardization/instruction-set.rst).

use core::arch::asm;

/// Adds `number` to the one at `place`, and returns what was there before.
///
/// # Safety
/// `place` is a number in a map, of which nothing holds a Rust reference.
#[inline(always)]
pub unsafe fn fetch_add(place: *mut u64, mut number: u64) -> u64 {
    // SAFETY: the caller guarantees a number at the place, to which nothing holds a Rust reference.
    unsafe {
        asm!("{number} = atomic_fetch_add((u64 *)({place} + 0), {number})", number = inout(reg) number, place = in(reg) place)
    };
    number
}

/// Stores `number` at `place`. Who sees it there, on whatever CPU, also sees everything that was stored before it.
///
/// # Safety
/// `place` is a number in a map, of which nothing holds a Rust reference.
#[inline(always)]
pub unsafe fn store_release(place: *mut u64, number: u64) {
    // An exchange is a barrier on every architecture. x86 keeps the order of stores by itself, and an exchange there
    // costs as much as all else in a program.
    // SAFETY: the caller guarantees a number at the place, to which nothing holds a Rust reference.
    unsafe {
        if cfg!(bpf_target_arch = "x86_64") {
            asm!("*(u64 *)({place} + 0) = {number}", number = in(reg) number, place = in(reg) place);
        } else {
            asm!("{number} = xchg_64({place} + 0, {number})", number = inout(reg) number => _, place = in(reg) place);
        }
    }
}
