//! The command line, with a file for each command: arguments, progress and output. Everything else is in the library.

mod arguments;
mod diff;
mod documents;
mod export;
mod frag;
mod gfp;
mod import;
mod info;
mod kernel;
mod kmem;
mod leaks;
mod lifetimes;
mod lint;
mod output;
mod plot;
mod report;
mod slab;
mod sql;
mod stat;

use std::{io, process::ExitCode};

use clap::{CommandFactory as _, Parser, Subcommand};

/// Analyse a trace of the kernel's page and slab allocators.
#[derive(Parser)]
#[command(version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Header, event counts, time range, loss ledger, integrity
    Info(info::Arguments),
    /// Requests, frees, bytes, live and peak memory by any combination of keys
    Stat(stat::Arguments),
    /// Charts as SVG or PNG files
    Plot(plot::Arguments),
    /// One HTML page with everything, and its numbers as JSON
    Report(report::Arguments),
    /// Fragmentation by zone and order: the kernel's unusable and extfrag indices
    Frag(frag::Arguments),
    /// How long allocations lived, by any key
    Lifetimes(lifetimes::Arguments),
    /// Ask the trace in SQL
    Sql(sql::Arguments),
    /// What changed between two traces
    Diff(diff::Arguments),
    /// Make a trace of what ftrace or `perf script` printed
    Import(import::Arguments),
    /// The trace for other tools: Parquet, CSV, JSON, folded stacks, Perfetto
    Export(export::Arguments),
    /// What `perf kmem stat` would say
    Kmem(kmem::Arguments),
    /// What the slab allocator gives out beyond what was asked for, and which sizes would fit better
    Slab(slab::Arguments),
    /// What is allocated all the time and never freed
    Leaks(leaks::Arguments),
    /// Illegal and suspicious requests, with who made them
    Lint(lint::Arguments),
    /// Decode a GFP mask and explain what it allows
    Gfp(gfp::Arguments),
    /// Completions for a shell, to stdout
    Completions(documents::Completions),
    /// Manual pages, into a directory
    Man(documents::Man),
}

/// Runs the program. The exit code is 0 for success, 1 for a failure, which is explained in one sentence on stderr, and
/// 2 for wrong usage.
pub fn run() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Info(arguments) => info::run(&arguments),
        Command::Stat(arguments) => stat::run(&arguments),
        Command::Plot(arguments) => plot::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Frag(arguments) => frag::run(&arguments),
        Command::Lifetimes(arguments) => lifetimes::run(&arguments),
        Command::Sql(arguments) => sql::run(&arguments),
        Command::Diff(arguments) => diff::run(&arguments),
        Command::Import(arguments) => import::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Kmem(arguments) => kmem::run(&arguments),
        Command::Slab(arguments) => slab::run(&arguments),
        Command::Leaks(arguments) => leaks::run(&arguments),
        Command::Lint(arguments) => lint::run(&arguments),
        Command::Gfp(arguments) => gfp::run(&arguments),
        Command::Completions(arguments) => {
            documents::completions(&arguments, &mut Arguments::command());
            Ok(())
        }
        Command::Man(arguments) => documents::man(&arguments, Arguments::command()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // The reader of stdout has closed it, such as `head` does: that is no failure.
        Err(error)
            if error.chain().any(|cause| {
                cause.downcast_ref::<io::Error>().is_some_and(|io| io.kind() == io::ErrorKind::BrokenPipe)
            }) =>
        {
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("analyzer: {error:#}");
            ExitCode::FAILURE
        }
    }
}
