//! Count, and put a record into this CPU's ring.

use aya_ebpf::{
    bindings::BPF_RB_NO_WAKEUP,
    helpers::{bpf_get_smp_processor_id, bpf_ktime_get_ns},
};
use trace::Program;

use crate::maps::{COUNTERS, RINGS};

/// When and where: fields that every record has.
pub struct Common {
    pub time: u64,
    pub cpu: u16,
}

/// Counts the event and, if it is wanted, reserves a record in the ring and has `fill` write it.
///
/// Nobody is woken: the collector looks by itself, at a pace that it sets by how full the rings are. A wake-up from here would
/// run the scheduler inside the page allocator.
#[inline(always)]
pub fn emit<T: 'static>(program: Program, wanted: bool, fill: impl FnOnce(Common) -> T) {
    let Some(counters) = COUNTERS.get_ptr_mut(program as u32) else { return };
    // SAFETY: this CPU's own slot of this program; the kernel keeps the program from interrupting itself, so nobody else writes it.
    let counters = unsafe { &mut *counters };
    counters.seen += 1;
    if !wanted {
        counters.filtered += 1;
        return;
    }

    // SAFETY: reads a number.
    let cpu = unsafe { bpf_get_smp_processor_id() };
    let entry = RINGS.get(cpu).and_then(|ring| ring.reserve_untyped::<T>(0));
    let Some(mut entry) = entry else {
        counters.dropped += 1;
        return;
    };
    // The time is taken after the reservation, so that times in one ring are in order but for an interrupt between the two.
    // SAFETY: reads a clock.
    let time = unsafe { bpf_ktime_get_ns() };
    entry.write(fill(Common { time, cpu: cpu as u16 }));
    entry.submit(u64::from(BPF_RB_NO_WAKEUP));
}
