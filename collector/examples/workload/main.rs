//! Known work for the kernel's allocator: what the tests count and the demo records.
//!
//! Every mode is bounded (at most 512 MiB), cleans up after itself and prints one line of JSON saying what it did, so
//! that a test can compare a trace with the truth.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod faults;
mod leak;
mod limits;
mod memory;
mod mixed;
mod objects;
mod random;

#[derive(Parser)]
#[command(about = "Known work for the kernel's memory allocator")]
struct Cli {
    #[command(subcommand)]
    mode: Mode,
}

#[derive(Subcommand)]
enum Mode {
    /// Touch exactly N anonymous base pages and report the minor faults that the kernel counted
    Faults(faults::Args),
    /// Faults, files, pipes, sockets, processes and small kernel objects, for some seconds
    Mixed(mixed::Args),
    /// Hold N pipes open: a known number of live kernel objects
    Objects(objects::Args),
    /// Allocate at a steady rate and free nothing until the end
    Leak(leak::Args),
}

fn main() -> ExitCode {
    let result = match Cli::parse().mode {
        Mode::Faults(args) => faults::run(&args),
        Mode::Mixed(args) => mixed::run(&args),
        Mode::Objects(args) => objects::run(&args),
        Mode::Leak(args) => leak::run(&args),
    };
    match result {
        Ok(json) => {
            println!("{json}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("workload: {error:#}");
            ExitCode::FAILURE
        }
    }
}
