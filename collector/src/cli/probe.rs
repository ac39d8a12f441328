//! The command `collector probe`.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use anyhow::Context as _;
use collector::probe;

#[derive(clap::Args)]
pub struct ProbeArgs {
    /// machine-readable answer
    #[arg(long)]
    json: bool,
}

/// Prints what this host can capture. The exit status says whether `collector record` can work.
///
/// # Errors
/// The operating system's error if printing fails.
pub fn run(arguments: &ProbeArgs) -> anyhow::Result<ExitCode> {
    let report = probe::probe();
    let mut out = io::stdout().lock();
    let printed = if arguments.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&report)?)
    } else {
        writeln!(out, "Linux {}: {}", report.kernel, if report.can_record { "can record" } else { "cannot record" })
            .and_then(|()| {
                report.checks.iter().try_for_each(|check| {
                    writeln!(out, "  {} {}: {}", if check.ok { "yes" } else { "no " }, check.name, check.detail)
                })
            })
    };
    match printed {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error).context("cannot print"),
        _ => {}
    }
    Ok(if report.can_record { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
