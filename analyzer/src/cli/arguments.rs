//! The arguments that several commands share.

use std::{fs, path::PathBuf};

use analyzer::{Window, replay::Replay};
use anyhow::Context as _;
use trace::Trace;

/// The trace directory, as `collector record -o` wrote it.
#[derive(clap::Args)]
pub struct TraceArgument {
    /// Trace directory, as written by `collector record -o`
    #[arg(value_name = "TRACE")]
    dir: PathBuf,
}

impl TraceArgument {
    /// Opens the trace.
    pub fn open(&self) -> anyhow::Result<Trace> {
        Ok(Trace::open(&self.dir)?)
    }
}

/// What a replay of the trace found.
#[derive(clap::Args)]
pub struct ReplayArgument {
    /// Show the model beside the machine: the file that `replay run TRACE --json FILE` wrote
    #[arg(long = "replay", value_name = "FILE", conflicts_with = "time")]
    file: Option<PathBuf>,
}

impl ReplayArgument {
    /// Reads the file of the option, if it was given.
    pub fn read(&self, trace: &Trace) -> anyhow::Result<Option<Replay>> {
        let Some(file) = &self.file else { return Ok(None) };
        let name = file.display().to_string();
        let text = fs::read_to_string(file).with_context(|| format!("cannot read {name}"))?;
        Ok(Some(Replay::parse(&text, &name, trace)?))
    }
}

/// A trace, or a part of it.
#[derive(clap::Args)]
pub struct TraceInTime {
    #[command(flatten)]
    trace: TraceArgument,
    /// Only what happened in this span of time, in seconds of the trace's clock
    #[arg(long, value_name = "START,STOP")]
    time: Option<Window>,
}

impl TraceInTime {
    /// Opens the trace, limited to the span of time.
    pub fn open(&self) -> anyhow::Result<Trace> {
        let mut trace = self.trace.open()?;
        if let Some(window) = self.time {
            window.limit(&mut trace)?;
        }
        Ok(trace)
    }
}
