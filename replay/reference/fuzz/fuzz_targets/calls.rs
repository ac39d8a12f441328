//! Fuzz target that reads any bytes as calls: the first byte chooses the kernel generation, and each eight bytes after
//! it are one call. No sequence of calls may break an invariant, panic, or get an answer that cannot be right.

#![no_main]

#[path = "../../tests/driver/mod.rs"]
mod driver;

use driver::{Call, Driver};
use libfuzzer_sys::fuzz_target;
use reference::Generation;

fuzz_target!(|input: &[u8]| {
    let Some((first, rest)) = input.split_first() else { return };
    let mut driver = Driver::new(Generation::ALL[usize::from(*first) % Generation::ALL.len()]);
    let (calls, _) = rest.as_chunks::<8>();
    for (step, noise) in calls.iter().enumerate() {
        driver.call(Call::from_noise(u64::from_le_bytes(*noise))).unwrap();
        if step % 256 == 0 {
            driver.validate().unwrap();
        }
    }
    driver.finish().unwrap();
});
