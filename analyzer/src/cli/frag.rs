use analyzer::{Loss, frag, snapshots};
use anyhow::bail;

use super::{TraceArgument, output};

#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    trace: TraceArgument,
    /// Every snapshot instead of a summary
    #[arg(long)]
    over_time: bool,
    #[command(flatten)]
    shape: output::Shape,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let trace = arguments.trace.open()?;
    let mut loss = Loss::read(&trace);
    let snapshots = snapshots::read(&trace, &mut loss.problems);
    if snapshots.is_empty() {
        bail!("the trace has no snapshots of /proc/buddyinfo: record it with `collector record`, an imported trace has none");
    }
    let mut table = if arguments.over_time { frag::table(&trace, &snapshots) } else { frag::summary(&trace, &snapshots) };
    if !loss.problems.is_empty() {
        table.note(format!("! the trace has {} problem(s), see `analyzer info`", loss.problems.len()));
    }
    arguments.shape.write(&table)
}
