//! The program `analyzer`, which shows what a trace of the kernel's allocators holds.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
