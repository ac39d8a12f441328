//! `replay whatif`.

use std::{fmt::Write, path::PathBuf};

use replay::{FreeBlocks, Machine, Options, Outcome, Policy, SETTINGS, Setting, replay_all};
use trace::Trace;

use super::{print, progress_bar, run::PolicyArg};

/// Arguments of `replay whatif`.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The trace directory
    trace: PathBuf,
    /// One model with this change; several changes joined by commas; repeat for more models side by side
    #[arg(long = "set", value_name = "KEY=VALUE", required = true, long_help = keys())]
    set: Vec<String>,
    /// Rules the other models start from
    #[arg(long, value_enum, default_value_t = PolicyArg::Auto)]
    policy: PolicyArg,
    /// Print the results as JSON
    #[arg(long)]
    json: bool,
}

fn keys() -> String {
    let mut text = String::from(
        "One model with this change; several changes joined by commas; repeat for more models side by side. Keys:\n",
    );
    for (key, meaning) in SETTINGS {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {key}: {meaning}");
    }
    text
}

/// Replays on the machine as it was, and on each changed one.
pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let settings = args.set.iter().map(|text| text.parse::<Setting>()).collect::<Result<Vec<_>, _>>()?;
    let trace = Trace::open(&args.trace)?;
    let policy: Policy = args.policy.into();
    let base = Machine::of(&trace, policy)?;
    let mut machines = vec![base.clone()];
    machines.extend(settings.iter().map(|setting| setting.apply(&base)));
    let bar = progress_bar("replaying");
    let outcomes = replay_all(&trace, &machines, &Options { policy, ..Options::default() }, &mut |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let outcomes = outcomes?;
    let names: Vec<&str> = std::iter::once("as it was").chain(settings.iter().map(Setting::as_str)).collect();
    if args.json {
        let rows: Vec<_> = names
            .iter()
            .zip(&outcomes)
            .map(|(name, o)| serde_json::json!({ "set": name, "outcome": o.to_json() }))
            .collect();
        return print(&format!("{}\n", serde_json::to_string_pretty(&rows)?));
    }
    print(&table(&names, &outcomes)?)
}

fn table(names: &[&str], outcomes: &[Outcome]) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    if let Some(first) = outcomes.first() {
        writeln!(
            text,
            "machine {} · {} page events, {} missing from the trace",
            first.kernel, first.events, first.missing_events
        )?;
    }
    writeln!(
        text,
        "{:<40} {:>8} {:>9} {:>9} {:>10} {:>11} {:>9}",
        "model", "zones", "failures", "fallbacks", "free pages", "unusable(9)", "distance"
    )?;
    for (name, o) in names.iter().zip(outcomes) {
        let mut blocks = [0; reference::NR_ORDERS];
        for zone in &o.zones {
            for (sum, n) in blocks.iter_mut().zip(zone.model) {
                *sum += n;
            }
        }
        let free = FreeBlocks(blocks);
        let percent = |f: Option<f64>| f.map_or_else(|| "-".to_owned(), |f| format!("{:.2} %", f * 100.0));
        writeln!(
            text,
            "{name:<40} {:>8} {:>9} {:>9} {:>10} {:>11.3} {:>9}",
            percent(o.score.zone_agreement),
            o.model_failures,
            o.model_fallbacks,
            free.pages(),
            free.unusable_index(9) as f64 / 1000.0,
            percent(o.score.free_blocks_distance)
        )?;
    }
    text.push_str("zones, distance: against the machine. unusable(9): share of free memory that no 2 MiB block can come from, at the end.\n");
    Ok(text)
}
