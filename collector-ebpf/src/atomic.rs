//! The two atomic operations that the rings need. Rust has none for this target, whose instruction set got them with
//! Linux 5.12.

use core::arch::asm;

/// Adds to the number, and returns what it was before.
///
/// # Safety
/// `place` is a number in a map, of which nothing holds a Rust reference.
#[inline(always)]
pub unsafe fn fetch_add(place: *mut u64, mut number: u64) -> u64 {
    // SAFETY: as the caller has said.
    unsafe {
        asm!("{number} = atomic_fetch_add((u64 *)({place} + 0), {number})", number = inout(reg) number, place = in(reg) place)
    };
    number
}

/// Stores the number, for all to see after everything that was stored before it.
///
/// # Safety
/// As of [`fetch_add`].
#[inline(always)]
pub unsafe fn store_release(place: *mut u64, number: u64) {
    // An exchange is a barrier on every architecture. x86 keeps the order of stores by itself, and there it would cost
    // as much as all else here. SAFETY: as the caller has said.
    unsafe {
        if cfg!(bpf_target_arch = "x86_64") {
            asm!("*(u64 *)({place} + 0) = {number}", number = in(reg) number, place = in(reg) place);
        } else {
            asm!("{number} = xchg_64({place} + 0, {number})", number = inout(reg) number => _, place = in(reg) place);
        }
    }
}
