//! `analyzer`: what a trace of the kernel's allocators says.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
