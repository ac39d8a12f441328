//! A known number of live kernel objects.

use std::io;
use std::time::Duration;

use anyhow::{Context, bail};

use crate::limits;

#[derive(clap::Args)]
pub struct Args {
    /// How many pipes to hold: each is one `pipe_inode_info`, one ring of `pipe_buffer`s, one inode and two `struct
    /// file`s
    #[arg(long)]
    pipes: usize,
    /// How long to hold them, in seconds
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
}

/// A pipe takes about 2 KiB of kernel memory while it is empty.
const MOST_PIPES: usize = 100_000;

/// Opens the pipes, waits, closes them.
pub fn run(args: &Args) -> anyhow::Result<String> {
    if args.pipes > MOST_PIPES {
        bail!("{} pipes are more than this program allows itself; ask for at most {MOST_PIPES}", args.pipes);
    }
    limits::allow_files(2 * args.pipes)?;
    let hold = Duration::try_from_secs_f64(args.seconds).context("--seconds must be a time that can be waited for")?;
    let pipes =
        (0..args.pipes).map(|_| io::pipe()).collect::<io::Result<Vec<_>>>().context("a pipe could not be opened")?;
    std::thread::sleep(hold);
    Ok(format!(r#"{{"pid":{},"pipes":{}}}"#, std::process::id(), pipes.len()))
}
