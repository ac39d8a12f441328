//! The command `collector stat`.

use std::{
    ffi::OsString,
    io::{self, Write as _},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context as _;
use collector::{
    os::stop_on_signals,
    stat::{self, Column, Options, Report, Schedule, Text},
};

use super::{
    filter::{Events, FilterArgs},
    values::seconds,
};

/// The examples that follow the options in `--help`.
pub const EXAMPLES: &str = "Examples:
  sudo collector stat --duration 10                      everything, in three numbers
  sudo collector stat --interval 1                       a line each second, until Ctrl-C
  sudo collector stat --by order,zone --duration 10
  sudo collector stat --by gfp,comm -- make -j8          as long as a command runs
  sudo collector stat --by callsite --events slab --comm nginx --duration 10 --json";

#[derive(clap::Args)]
pub struct StatArgs {
    /// Stop after so many seconds
    #[arg(long, value_name = "S", value_parser = seconds)]
    duration: Option<Duration>,
    /// Report each time so many seconds have passed: rates, or with --by the counts of the interval
    #[arg(long, value_name = "S", value_parser = seconds)]
    interval: Option<Duration>,
    /// What to tell apart: order, zone, migratetype, gfp, cache, callsite, comm. Objects have no order, zone or
    /// migratetype, pages no cache or callsite
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    by: Vec<Column>,
    /// What to count
    #[arg(long, value_delimiter = ',', value_enum, default_value = "page,slab", value_name = "FAMILY,…")]
    events: Vec<Events>,
    /// Print JSON; with --interval an object in each line, and the whole time in the last
    #[arg(long)]
    json: bool,
    /// Rows of each table to print; --json prints all
    #[arg(short, long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// How many different combinations of --by the kernel shall have room for; what has none is counted in the totals
    /// only
    #[arg(long, value_name = "N", default_value_t = 16384)]
    rows: u32,
    #[command(flatten)]
    filter: FilterArgs,
    /// Command to run; counting ends with it
    #[arg(trailing_var_arg = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// Counts, and prints the reports.
///
/// # Errors
/// The error that keeps counting from starting, or a report from being printed.
pub fn run(arguments: StatArgs) -> anyhow::Result<ExitCode> {
    let options = Options {
        events: Events::families(&arguments.events),
        by: arguments.by,
        filter: arguments.filter.filter(),
        rows: arguments.rows,
    };
    let schedule = Schedule { duration: arguments.duration, interval: arguments.interval, command: arguments.command };
    let stop = stop_on_signals()?;
    let (text, json, intervals) = (Text { limit: arguments.limit }, arguments.json, arguments.interval.is_some());
    let (mut first, mut printed) = (true, Ok(()));
    let mut each = |report: &Report| {
        let block = if json { Ok(format!("{}\n", report.json())) } else { text.interval(report, first) };
        first = false;
        let written = block.map_err(io::Error::other).and_then(|block| print(&block));
        if written.is_err() {
            // The reader of the reports is gone, or the output cannot be written.
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
            printed = written;
        }
    };
    let (report, counter) = stat::stat(&options, &schedule, &stop, &mut each)?;
    let printed = printed.and_then(|()| {
        if json && intervals {
            let mut total = report.json();
            total["total"] = true.into();
            print(&format!("{total}\n"))
        } else if json {
            print(&format!("{:#}\n", report.json()))
        } else {
            let summary = text.summary(&report, counter.unavailable()).map_err(io::Error::other)?;
            print(&format!("{}{summary}", if intervals { "\n" } else { "" }))
        }
    });
    match printed {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error).context("cannot print"),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Prints a report as a whole and at once.
fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
