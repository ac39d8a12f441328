//! `cargo xtask bench`: runs every benchmark, one after the other, because they would disturb each other.

use std::process::ExitCode;

use clap::Args;

use crate::workspace;

/// No argument: each script below can be run by itself, with its own.
#[derive(Args)]
#[command(after_help = "\
Needs root and perf; bpftrace is measured beside them where it is installed. The scripts
say in their first lines what they measure:
  collector/bench/overhead.py     what tracing costs the traced program, beside perf and bpftrace
  collector/bench/cost.py         what each family of events costs, as the kernel counts it
  collector/bench/rate.py         how many events per second are recorded without loss
  analyzer/bench/throughput.py    how fast a trace is read, beside perf and DuckDB
  replay/bench/reference.py       ns per operation of the reference allocator, beside LLFree
A sixth is not run, for it needs a machine to spare: replay/bench/fragmentation.py fills
the memory of a real kernel.

Examples:
  cargo xtask bench
  LLFREE_BENCH=PROGRAM cargo xtask bench       beside LLFree's own benchmark
  target/venv/bin/python collector/bench/overhead.py target/release 21
                                               one of them, in 21 rounds")]
pub struct Arguments {}

const SCRIPTS: [&str; 5] = [
    "collector/bench/overhead.py",
    "collector/bench/cost.py",
    "collector/bench/rate.py",
    "analyzer/bench/throughput.py",
    "replay/bench/reference.py",
];

/// Builds everything and runs the benchmarks. Errors at the first benchmark that fails.
pub fn run(_: &Arguments) -> anyhow::Result<ExitCode> {
    workspace::succeed(&mut workspace::command(&["cargo", "build", "--release"]))?;
    workspace::succeed(&mut workspace::command(&["cargo", "build", "--release", "--examples"]))?;
    for script in SCRIPTS {
        workspace::succeed(&mut workspace::command(&["target/venv/bin/python", script, "target/release"]))?;
    }
    workspace::succeed(&mut workspace::command(&["target/release/replay", "bench", "--fragmentation"]))?;
    Ok(ExitCode::SUCCESS)
}
