//! A bounded mix of what programs do to the allocator, for the demo and for tests that want every kind of event.

use std::num::NonZero;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};

use crate::random::Random;

mod operation;
mod state;
mod worker;

use state::State;

#[derive(clap::Args)]
pub struct Args {
    /// For how long, in seconds
    #[arg(long)]
    seconds: f64,
    /// Threads, at most 8 [default: one per CPU, at most 4]
    #[arg(long)]
    threads: Option<usize>,
    /// End each thread after this many operations, for runs that are to be the same
    #[arg(long, default_value_t = u64::MAX, hide_default_value = true)]
    operations: u64,
    /// Microseconds of rest between two operations
    #[arg(long, default_value_t = 300)]
    rest: u64,
    /// The sequence of operations, and their sizes, follow from this number
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// A thread holds at most 48 MiB (see `state`); eight stay below the 512 MiB that this program allows itself.
const MOST_THREADS: usize = 8;

/// Runs the threads and adds up what they did.
pub fn run(args: &Args) -> anyhow::Result<String> {
    let threads = args.threads.unwrap_or_else(|| thread::available_parallelism().map_or(1, NonZero::get).min(4));
    if !(1..=MOST_THREADS).contains(&threads) {
        bail!("{threads} threads were asked for; between 1 and {MOST_THREADS} are possible");
    }
    let time = Duration::try_from_secs_f64(args.seconds).context("--seconds must be a time that can be waited for")?;
    let end = Instant::now().checked_add(time).context("--seconds is beyond what this machine's clock can count to")?;
    let directory = tempfile::Builder::new()
        .prefix("gfpscope-workload.")
        .tempdir()
        .context("no temporary directory for the files")?;

    let counts = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|number| {
                let file = directory.path().join(number.to_string());
                let random = Random::new(args.seed.wrapping_mul(64).wrapping_add(number as u64));
                let (state, rest) = (State::new(random, file), Duration::from_micros(args.rest));
                scope.spawn(move || worker::run(state, end, args.operations, rest))
            })
            .collect();
        workers
            .into_iter()
            .map(|worker| worker.join().map_err(|_| anyhow!("a thread panicked"))?)
            .collect::<anyhow::Result<Vec<_>>>()
    })?;

    let operations = operation::ALL.iter().enumerate().map(|(index, operation)| {
        let count: u64 = counts.iter().map(|thread| thread[index]).sum();
        format!(r#""{}":{count}"#, operation.name)
    });
    let operations = operations.collect::<Vec<_>>().join(",");
    Ok(format!(r#"{{"pid":{},"threads":{threads},"operations":{{{operations}}}}}"#, std::process::id()))
}
