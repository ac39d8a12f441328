//! `replay bench`.

use std::fmt::Write;

use reference::Profile;
use replay::bench;

use super::{print, run::PolicyArg};

/// Arguments of `replay bench`.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Rules to follow; auto is the newest kernel's
    #[arg(long, value_enum, default_value_t = PolicyArg::Auto)]
    policy: PolicyArg,
    /// Print the rows as JSON
    #[arg(long)]
    json: bool,
}

/// Measures and prints.
pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let profile = match args.policy.into() {
        replay::Policy::Fixed(profile) => profile,
        replay::Policy::Auto => Profile::V6_18,
    };
    let rows = bench(profile);
    if args.json {
        return print(&format!("{}\n", serde_json::to_string_pretty(&rows)?));
    }
    let mut text = format!("{:<12} {:>6} {:>10}   profile {}, best of 5 runs\n", "operation", "order", "ns/op", profile.name());
    for row in rows {
        writeln!(text, "{:<12} {:>6} {:>10.1}", row.name, row.order, row.ns_per_op)?;
    }
    print(&text)
}
