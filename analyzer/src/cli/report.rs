use std::{fs, path::PathBuf};

use analyzer::summary::Report;
use anyhow::Context as _;

use super::{
    arguments::{ReplayArgument, TraceInTime},
    output,
};

#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    trace: TraceInTime,
    /// The page: one HTML file that opens without a network
    #[arg(short, long, value_name = "FILE", default_value = "report.html")]
    output: PathBuf,
    /// Every number of the page, as JSON; - is stdout
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    #[command(flatten)]
    replay: ReplayArgument,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let trace = arguments.trace.open()?;
    let replay = arguments.replay.read(&trace)?;
    let bar = output::Bar::new("analysing");
    let mut report = Report::read(&trace, &|done, of| bar.update(done, of))?;
    drop(bar);
    if let Some(replay) = &replay {
        report = report.with_replay(replay);
    }
    for warning in &report.warnings {
        eprintln!("analyzer: {warning}");
    }
    let write = |path: &PathBuf, text: String| {
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
    };
    write(&arguments.output, report.to_html()?)?;
    match &arguments.json {
        Some(path) if path.as_os_str() == "-" => return output::json(&report.to_json()),
        Some(path) => write(path, serde_json::to_string_pretty(&report.to_json())? + "\n")?,
        None => {}
    }
    output::write(&format!("{}\n", arguments.output.display()))
}
