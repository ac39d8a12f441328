use analyzer::{
    Events,
    frag::{self, By, Fragmentation, Wanted},
    snapshots,
    table::Table,
};
use anyhow::bail;
use trace::Trace;

use super::{arguments::TraceArgument, output};

/// The greatest number of moments in a table, since nobody reads a longer one.
const MOST_MOMENTS: f64 = 1e6;

#[derive(clap::Args)]
#[command(after_help = help())]
pub struct Arguments {
    #[command(flatten)]
    trace: TraceArgument,
    #[command(flatten)]
    what: What,
    /// With --over-time: seconds between two moments; default: about a hundred in the whole trace
    #[arg(long, value_name = "S", requires = "over_time", value_parser = seconds)]
    interval: Option<f64>,
    /// With --fallbacks: keys to group by, separated by commas
    #[arg(long, value_name = "KEYS", requires = "fallbacks", value_delimiter = ',', default_values_t = By::DEFAULT)]
    by: Vec<By>,
    #[command(flatten)]
    shape: output::Shape,
}

/// What is shown instead of the summary.
#[derive(clap::Args)]
#[group(multiple = false)]
#[expect(clippy::struct_excessive_bools, reason = "flags of the command line, of which one is set at most")]
struct What {
    /// Free blocks and both indices at one moment, in seconds since the start
    #[arg(long, value_name = "S", value_parser = seconds)]
    at: Option<f64>,
    /// Free blocks and both indices at every snapshot and between them
    #[arg(long)]
    over_time: bool,
    /// Requests that took a block of another migratetype
    #[arg(long)]
    fallbacks: bool,
    /// Pageblocks by migratetype
    #[arg(long)]
    pageblocks: bool,
    /// Pageblocks in which pages that can be moved lie beside pages that cannot
    #[arg(long)]
    pollution: bool,
    /// How well the free blocks between the snapshots are known: what the events say beside every snapshot
    #[arg(long)]
    drift: bool,
}

fn help() -> String {
    let keys = By::ALL.iter().map(|by| format!("  {:<15} {}\n", by.name(), by.doc()));
    let keys = keys.collect::<String>();
    format!(
        "Keys of --by:\n{keys}\nExamples:\n  \
         analyzer frag trace                       what is of no use for each order, and for how long\n  \
         analyzer frag trace --at 2.5              at one moment, if recorded with --events page,frag\n  \
         analyzer frag trace --over-time --interval 0.1 --csv\n  \
         analyzer frag trace --fallbacks --by severity,callsite\n  \
         analyzer frag trace --drift               how far moments between snapshots can be trusted"
    )
}

fn seconds(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|seconds: &f64| seconds.is_finite() && *seconds >= 0.0)
        .ok_or_else(|| "a number of seconds".to_owned())
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let trace = arguments.trace.open()?;
    let mut problems = Vec::new();
    let snapshots = snapshots::read(&trace, &mut problems);
    let Arguments { what, by, shape, .. } = arguments;
    if snapshots.is_empty() && !(what.fallbacks || what.pageblocks || what.pollution) {
        bail!(
            "the trace has no snapshots of /proc/buddyinfo: record it with `collector record`, an imported trace has none"
        );
    }
    let estimate = what.at.is_some() || what.over_time || what.drift;
    let wanted = Wanted { by: by.clone(), estimate, ..moments(arguments, &trace)? };
    let bar = output::Bar::new("reading");
    let (found, mut loss) = frag::read(&trace, &snapshots, &wanted, &|done, of| bar.update(done, of))?;
    drop(bar);
    loss.add(problems);
    let mut table = table(arguments, &trace, &snapshots, &found)?;
    table.notes.extend(loss.sentence(Events::Page));
    table.notes.extend(loss.sentence_of_frag());
    shape.write(&table)
}

/// Returns the choice of a summary, with the moments that the options name in place of the default ones.
fn moments(arguments: &Arguments, trace: &Trace) -> anyhow::Result<Wanted> {
    let (clock, duration) = (&trace.header.clock, trace.header.duration_s());
    let wanted = Wanted::summary(trace);
    match (arguments.what.at, arguments.interval) {
        (Some(at), _) if at > duration => bail!("the trace ends after {duration:.3} s: there is no moment at {at} s"),
        (Some(at), _) => Ok(Wanted { moments: vec![clock.start_ns + (at * 1e9) as u64], ..wanted }),
        (None, Some(interval)) if interval * MOST_MOMENTS < duration => {
            bail!(
                "--interval {interval} is too short for a trace of {duration:.3} s: choose at least {} s",
                duration / MOST_MOMENTS
            )
        }
        (None, Some(interval)) => Ok(Wanted { moments: frag::moments(trace, (interval * 1e9) as u64), ..wanted }),
        (None, None) => Ok(wanted),
    }
}

fn table(
    arguments: &Arguments,
    trace: &Trace,
    snapshots: &[snapshots::Snapshot],
    found: &Fragmentation,
) -> anyhow::Result<Table> {
    let (what, header) = (&arguments.what, &trace.header);
    if let Some(at) = what.at {
        if found.history.moments.is_empty() {
            bail!("nothing is known yet at {at} s: the first snapshot is later");
        }
        return Ok(frag::at(header, &format!("Fragmentation at {at} s"), &found.history));
    }
    Ok(if what.over_time {
        frag::over_time(header, snapshots, &found.history)
    } else if what.fallbacks {
        found.fallbacks_table()
    } else if what.pageblocks {
        found.types_table(header)
    } else if what.pollution {
        found.pollution_table(header)
    } else if what.drift {
        frag::drift(header, &found.history)
    } else {
        found.summary(header, snapshots)
    })
}
