//! The command `replay run`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::ValueEnum;
use replay::{Init, Mode, Options, Outcome};
use trace::Trace;

use super::{
    generation::GenerationArg,
    output::{print, progress_bar},
};

/// Arguments of `replay run`.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The trace directory
    trace: PathBuf,
    /// Rules to follow: those of a kernel generation, or of the one nearest to the traced kernel
    #[arg(long, value_enum, default_value_t = GenerationArg::Auto)]
    policy: GenerationArg,
    /// How the trace drives the model
    #[arg(long, value_enum, default_value_t = ModeArg::Requests)]
    mode: ModeArg,
    /// Where the model starts: from the trace's first snapshot, or with all memory free
    #[arg(long, value_enum, default_value_t = InitArg::Snapshot)]
    init: InitArg,
    /// Write the result as JSON to this file; - for standard output, instead of the text
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the whole result into this directory: score.json, replay.txt, and tables for charts (score, gaps, free
    /// blocks over time) as CSV
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum ModeArg {
    /// The model gets the requests and picks its own frames
    Requests,
    /// The traced frames are forced, and checked for legality
    Frames,
}

#[derive(Clone, Copy, ValueEnum)]
enum InitArg {
    Snapshot,
    Empty,
}

/// Replays the trace and prints the result.
pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let mode = match args.mode {
        ModeArg::Requests => Mode::Requests,
        ModeArg::Frames => Mode::Frames,
    };
    let trace = Trace::open(&args.trace)?;
    for problem in &trace.problems {
        eprintln!("replay: warning: {problem}");
    }
    let init = match args.init {
        InitArg::Snapshot => Init::Snapshot,
        InitArg::Empty => Init::Empty,
    };
    let bar = progress_bar("replaying");
    let outcome = replay::replay(&trace, &Options { generation: args.policy.get(), init, mode }, &mut |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let outcome = outcome?;
    let mut text = serde_json::to_string_pretty(&outcome.to_json())?;
    text.push('\n');
    if let Some(dir) = &args.output {
        write_all(dir, &outcome, &text)?;
    }
    let Some(path) = &args.json else { return print(&outcome.to_text()) };
    if path.as_os_str() == "-" {
        return print(&text);
    }
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    print(&outcome.to_text())
}

/// Writes the whole result of a replay into a directory.
fn write_all(dir: &Path, outcome: &Outcome, json: &str) -> anyhow::Result<()> {
    std::fs::create_dir_all(dir).with_context(|| format!("cannot make the directory {}", dir.display()))?;
    let files = [
        ("score.json", json.to_owned()),
        ("replay.txt", outcome.to_text()),
        ("score.csv", outcome.score_csv()),
        ("gaps.csv", outcome.gaps_csv()),
        ("free_blocks.csv", outcome.free_blocks_csv()),
    ];
    for (name, text) in files {
        let path = dir.join(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
