//! The command `replay whatif`.

use std::{fmt::Write, path::PathBuf};

use replay::{Machine, Options, WhatIf, replay_all, side_by_side};
use trace::Trace;

use super::{
    generation::GenerationArg,
    output::{print, progress_bar},
};

/// Arguments of `replay whatif`.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The trace directory
    trace: PathBuf,
    /// One model with this change; several changes joined by commas; repeat for more models side by side
    #[arg(long = "set", value_name = "KEY=VALUE", required = true, long_help = keys())]
    set: Vec<String>,
    /// Rules the other models start from
    #[arg(long, value_enum, default_value_t = GenerationArg::Auto)]
    policy: GenerationArg,
    /// Print the results as JSON
    #[arg(long)]
    json: bool,
}

fn keys() -> String {
    let mut text = String::from(
        "One model with this change; several changes joined by commas; repeat for more models side by side. Keys:\n",
    );
    for (key, meaning) in WhatIf::KEYS {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {key}: {meaning}");
    }
    text
}

/// Replays on the machine as it was, and on each changed machine.
pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let what_ifs = args.set.iter().map(|text| text.parse::<WhatIf>()).collect::<Result<Vec<_>, _>>()?;
    let trace = Trace::open(&args.trace)?;
    let generation = args.policy.get();
    let base = Machine::of(&trace, generation)?;
    let mut machines = vec![base.clone()];
    machines.extend(what_ifs.iter().map(|what_if| what_if.apply(&base)));
    let bar = progress_bar("replaying");
    let outcomes = replay_all(&trace, &machines, &Options { generation, ..Options::default() }, &mut |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let outcomes = outcomes?;
    let names: Vec<&str> = std::iter::once("as it was").chain(what_ifs.iter().map(WhatIf::as_str)).collect();
    if args.json {
        let rows: Vec<_> = names
            .iter()
            .zip(&outcomes)
            .map(|(name, o)| serde_json::json!({ "set": name, "outcome": o.to_json() }))
            .collect();
        return print(&format!("{}\n", serde_json::to_string_pretty(&rows)?));
    }
    print(&side_by_side(&names, &outcomes))
}
