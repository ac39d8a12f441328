//! One thread of the mix.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;

use super::operation;
use super::state::State;

/// Does operations, chosen by the state's random numbers, until `end` or for `most` of them, with a rest after each;
/// returns how often each operation of [`operation::ALL`] ran.
///
/// # Errors
/// The first operation that failed.
pub fn run(mut state: State, end: Instant, most: u64, rest: Duration) -> anyhow::Result<Vec<u64>> {
    let mut counts = vec![0; operation::ALL.len()];
    for _ in 0..most {
        if Instant::now() >= end {
            break;
        }
        let chosen = state.random.below(operation::ALL.len());
        let operation = &operation::ALL[chosen];
        (operation.run)(&mut state).with_context(|| format!("the operation '{}' failed", operation.name))?;
        counts[chosen] += 1;
        thread::sleep(rest);
    }
    Ok(counts)
}
