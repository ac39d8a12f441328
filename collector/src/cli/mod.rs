//! The command line, which parses the arguments and prints sentences. There is a file for each command; `filter` and
//! `values` hold what several commands have in common.

mod documents;
mod filter;
mod probe;
mod record;
mod stat;
mod top;
mod values;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

/// Captures what the kernel's memory allocator does: pages and objects, with their GFP flags.
#[derive(Parser)]
#[command(name = "collector", version, max_term_width = 120)]
struct Cli {
    #[command(subcommand)]
    command: Commands,
}

#[derive(Subcommand)]
enum Commands {
    /// Records events and snapshots into a trace directory, until COMMAND ends, the duration is over, or Ctrl-C
    #[command(after_help = record::EXAMPLES)]
    Record(Box<record::RecordArgs>),
    /// Counts inside the kernel, with no trace at all, until COMMAND ends, the duration is over, or Ctrl-C
    #[command(after_help = stat::EXAMPLES)]
    Stat(Box<stat::StatArgs>),
    /// Shows live what is allocated, by zone, order, GFP mask, call site and process, and how broken up free memory is
    #[command(after_help = top::EXAMPLES)]
    Top(top::TopArgs),
    /// Says what this host can capture, and why not
    Probe(probe::ProbeArgs),
    /// Prints completions for a shell
    Completions(documents::CompletionsArgs),
    /// Writes manual pages into a directory
    Man(documents::ManArgs),
}

/// Runs the command that the arguments name.
pub fn run() -> anyhow::Result<ExitCode> {
    match Cli::parse().command {
        Commands::Record(arguments) => record::run(*arguments),
        Commands::Stat(arguments) => stat::run(*arguments),
        Commands::Top(arguments) => top::run(arguments),
        Commands::Probe(arguments) => probe::run(&arguments),
        Commands::Completions(arguments) => Ok(documents::completions(&arguments, Cli::command())),
        Commands::Man(arguments) => documents::man(&arguments, Cli::command()),
    }
}
