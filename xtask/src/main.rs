//! The commands for developers of gfpscope, as `cargo xtask COMMAND`: the tests, the live tests alone, fuzzing, the
//! benchmarks, compiling the eBPF programs, and the check that no file uses one that uses it.

mod bench;
mod circles;
mod ebpf;
mod fuzz;
mod live;
mod test;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What a developer of gfpscope runs. Each command has a --help of its own, with examples.
#[derive(Parser)]
#[command(
    bin_name = "cargo xtask",
    after_help = "\
Examples:
  cargo xtask test --fast      before every commit: a few minutes, without root
  cargo xtask test             everything, half an hour; `make test` installs what it needs before
  cargo xtask live host        the collector on this machine's kernel, as root
  cargo xtask circles          files that use one another"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run every check, the fast ones, or those named
    Test(test::Arguments),
    /// Run the tests that need a live kernel: this machine's, or one booted in QEMU
    Live(live::Arguments),
    /// Fuzz what parses, and the reference allocator
    Fuzz(fuzz::Arguments),
    /// Run every benchmark
    Bench(bench::Arguments),
    /// Compile the eBPF programs, and keep their object in the repository
    Ebpf(ebpf::Arguments),
    /// Find files that use one another, in every crate of the workspace
    Circles(circles::Arguments),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Test(arguments) => test::run(&arguments),
        Command::Live(arguments) => live::run(&arguments),
        Command::Fuzz(arguments) => fuzz::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Ebpf(arguments) => ebpf::run(&arguments).map(|()| ExitCode::SUCCESS),
        Command::Circles(arguments) => circles::run(&arguments),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("xtask: {error:#}");
        ExitCode::FAILURE
    })
}
