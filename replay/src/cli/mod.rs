//! The command line of `replay`.

mod bench;
mod generation;
mod lesson;
mod output;
mod run;
mod whatif;

use std::{io, process::ExitCode};

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "replay",
    version,
    about = "Drive the reference allocator with a trace, and measure how it differs from the machine"
)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Replay a trace and score the model against the machine
    Run(run::Args),
    /// Replay on changed machines, side by side
    Whatif(whatif::Args),
    /// The textbook's rows, run on the reference allocator and shown step by step
    Lesson(lesson::Args),
    /// Measure the reference allocator: nanoseconds per operation
    Bench(bench::Args),
}

/// Parses the arguments and runs the command. The exit code is 0 on success, 1 on failure, with one sentence on
/// standard error, and 2 on wrong usage.
pub fn main() -> ExitCode {
    let args = Args::parse();
    let result = match args.command {
        Command::Run(args) => run::run(&args),
        Command::Whatif(args) => whatif::run(&args),
        Command::Lesson(args) => lesson::run(&args),
        Command::Bench(args) => bench::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // The reader of the output has closed it and needs no more.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("replay: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe))
}
