//! The command `collector top`.

use std::{env, process::ExitCode, time::Duration};

use collector::{
    os::stop_on_signals,
    stat::Options,
    top::{self, Theme},
};

use super::{
    filter::{Events, FilterArgs},
    values::seconds,
};

/// The examples that follow the options in `--help`.
pub const EXAMPLES: &str = "Examples:
  sudo collector top
  sudo collector top --interval 0.5 --comm nginx         only what one program does
  sudo collector top --events page,slab,cache            the slab caches' own calls, too
  sudo collector top --order 3                           who takes large blocks of pages

? shows the keys. NO_COLOR=1 leaves the colours out.";

#[derive(clap::Args)]
pub struct TopArgs {
    /// Seconds between two looks
    #[arg(long, value_name = "S", default_value = "1", value_parser = seconds)]
    interval: Duration,
    /// What to count
    #[arg(long, value_delimiter = ',', value_enum, default_value = "page,slab", value_name = "FAMILY,…")]
    events: Vec<Events>,
    /// How many different combinations of zone, order, GFP mask, call site and process the kernel shall have room for
    #[arg(long, value_name = "N", default_value_t = 32768)]
    rows: u32,
    #[command(flatten)]
    filter: FilterArgs,
}

/// Shows the live view.
///
/// # Errors
/// The error that keeps the live view from starting or going on.
pub fn run(arguments: TopArgs) -> anyhow::Result<ExitCode> {
    let options = Options {
        events: Events::families(&arguments.events),
        by: vec![],
        filter: arguments.filter.filter(),
        rows: arguments.rows,
    };
    // By https://no-color.org, any value but an empty one switches colours off.
    let colour = env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    top::top(&options, arguments.interval.max(Duration::from_millis(100)), Theme::new(colour), &*stop_on_signals()?)?;
    Ok(ExitCode::SUCCESS)
}
