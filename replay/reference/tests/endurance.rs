//! Millions of calls in a row, in every generation, with regular checks of the invariants. `GFPSCOPE_OPERATIONS` sets
//! another number of calls: `GFPSCOPE_OPERATIONS=1000000000 cargo test --release -p reference --test endurance --
//! --nocapture`.

mod driver;

use std::env;

use driver::{Call, Driver};
use reference::Generation;

/// The number of calls after which a machine is emptied and a new one starts: enough to run out of memory several
/// times.
const RUN: u64 = 100_000;
/// The number of calls between two checks of every invariant.
const SAMPLE: u64 = 1_000;

#[test]
fn invariants_hold_for_as_many_calls_as_asked_for() {
    let wanted: u64 = env::var("GFPSCOPE_OPERATIONS")
        .ok()
        .map_or(12_000_000, |n| n.parse().expect("GFPSCOPE_OPERATIONS is a number"));
    let (mut calls, mut checks, mut seed) = (0, 0, 0x9e37_79b9_7f4a_7c15_u64);
    while calls < wanted {
        for generation in Generation::ALL {
            let mut driver = Driver::new(generation);
            let from = seed;
            for step in 0..RUN {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                let call = Call::from_noise(seed);
                driver
                    .call(call)
                    .unwrap_or_else(|e| panic!("{generation:?}, seed {from:#x}, call {step} ({call:?}): {e}"));
                if step % SAMPLE == 0 {
                    driver.validate().unwrap_or_else(|e| {
                        panic!("{generation:?}, seed {from:#x}, after call {step} ({call:?}): {e}")
                    });
                    checks += 1;
                }
            }
            driver.finish().unwrap_or_else(|e| panic!("{generation:?}, seed {from:#x}, at the end: {e}"));
            calls += RUN;
        }
    }
    println!(
        "{calls} calls in {} generations, every invariant checked {checks} times, no violation",
        Generation::ALL.len()
    );
}
