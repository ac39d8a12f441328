//! The two atomic operations that the rings need. Rust offers none for the BPF target, whose instruction set has them
//! since Linux 5.12 (`BPF_FETCH` and `BPF_XCHG`, Documentation/bpf/standardization/instruction-set.rst).

use core::arch::asm;

/// Adds `number` to the number at `place`, and returns the number that was there before.
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

/// Stores `number` at `place`. A reader on any CPU that sees the number also sees everything that was stored before it.
///
/// # Safety
/// `place` is a number in a map, of which nothing holds a Rust reference.
#[inline(always)]
pub unsafe fn store_release(place: *mut u64, number: u64) {
    // An exchange is a barrier on every architecture. x86 keeps the order of stores without one, and there an exchange
    // costs as much as all the rest of a program. SAFETY: the caller guarantees a number at the place, to which nothing
    // holds a Rust reference.
    unsafe {
        if cfg!(bpf_target_arch = "x86_64") {
            asm!("*(u64 *)({place} + 0) = {number}", number = in(reg) number, place = in(reg) place);
        } else {
            asm!("{number} = xchg_64({place} + 0, {number})", number = inout(reg) number => _, place = in(reg) place);
        }
    }
}
