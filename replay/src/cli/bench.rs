//! `replay bench`.

use std::fmt::Write;

use reference::Profile;
use replay::{bench, fragmentation};

use super::{print, run::PolicyArg};

/// Arguments of `replay bench`.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Rules to follow; auto is the newest kernel's
    #[arg(long, value_enum, default_value_t = PolicyArg::Auto)]
    policy: PolicyArg,
    /// Instead of the cost of operations: what is left of large blocks after long use of so much memory, by every policy, with pageblocks
    /// grouped by mobility and without
    #[arg(long, value_name = "GIB", num_args = 0..=1, default_missing_value = "16", conflicts_with = "policy",
          value_parser = clap::value_parser!(u64).range(1..=1024))]
    fragmentation: Option<u64>,
    /// Print the rows as JSON
    #[arg(long)]
    json: bool,
}

/// Measures and prints.
pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    if let Some(gib) = args.fragmentation {
        return show_fragmentation(gib, args.json);
    }
    let profile = match args.policy.into() {
        replay::Policy::Fixed(profile) => profile,
        replay::Policy::Auto => Profile::V6_18,
    };
    let rows = bench(profile);
    if args.json {
        return print(&format!("{}\n", serde_json::to_string_pretty(&rows)?));
    }
    let mut text = format!("{:<12} {:>6} {:>10}   profile {}, the best of many runs\n", "operation", "order", "ns/op", profile.name());
    for row in rows {
        writeln!(text, "{:<12} {:>6} {:>10.1}", row.name, row.order, row.ns_per_op)?;
    }
    print(&text)
}

fn show_fragmentation(gib: u64, json: bool) -> anyhow::Result<()> {
    let mut rows = Vec::new();
    for profile in Profile::ALL {
        for grouping in [true, false] {
            rows.push(fragmentation(profile, grouping, gib << 18)?);
        }
    }
    if json {
        return print(&format!("{}\n", serde_json::to_string_pretty(&rows)?));
    }
    let mut text = format!("{gib} GiB filled, half of it freed at random, then 100 times a tenth of the pages freed and allocated anew.\n");
    text.push_str("Free 2 MiB blocks as a share of what the free pages could make; one page in eight cannot move.\n\n");
    writeln!(
        text,
        "{:<10} {:<9} {:>10} {:>10} {:>20} {:>20}",
        "policy", "grouping", "at first", "at the end", "with movables gone", "polluted pageblocks"
    )?;
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    for row in rows {
        let grouping = if row.grouping { "on" } else { "off" };
        let [first, end, reachable, polluted] = [row.free_at_first, row.free, row.reachable, row.polluted].map(percent);
        writeln!(text, "{:<10} {grouping:<9} {first:>10} {end:>10} {reachable:>20} {polluted:>20}", row.policy)?;
    }
    print(&text)
}
