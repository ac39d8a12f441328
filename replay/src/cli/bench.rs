//! The command `replay bench`.

use std::fmt::Write;

use reference::Generation;
use replay::{bench, fragmentation};

use super::{generation::GenerationArg, output::print};

/// Arguments of `replay bench`.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Rules to follow; auto is the newest kernel's
    #[arg(long, value_enum, default_value_t = GenerationArg::Auto)]
    policy: GenerationArg,
    /// Instead of the cost of operations: what is left of large blocks after long use of so much memory, by every
    /// policy, with pageblocks grouped by mobility and without
    #[arg(long, value_name = "GIB", num_args = 0..=1, default_missing_value = "16", conflicts_with = "policy",
          value_parser = clap::value_parser!(u64).range(1..=1024))]
    fragmentation: Option<u64>,
    /// Print the rows as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the measurements and prints them.
pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    if let Some(gib) = args.fragmentation {
        return show_fragmentation(gib, args.json);
    }
    let generation = args.policy.get().unwrap_or(Generation::V6_18);
    let rows = bench(generation);
    if args.json {
        return print(&format!("{}\n", serde_json::to_string_pretty(&rows)?));
    }
    let mut text = format!(
        "{:<12} {:>6} {:>10}   generation {}, the best of many runs\n",
        "operation",
        "order",
        "ns/op",
        generation.name()
    );
    for row in rows {
        writeln!(text, "{:<12} {:>6} {:>10.1}", row.name, row.order, row.ns_per_op)?;
    }
    print(&text)
}

fn show_fragmentation(gib: u64, json: bool) -> anyhow::Result<()> {
    let mut rows = Vec::new();
    for generation in Generation::ALL {
        for grouping in [true, false] {
            rows.push(fragmentation(generation, grouping, gib << 18)?);
        }
    }
    if json {
        return print(&format!("{}\n", serde_json::to_string_pretty(&rows)?));
    }
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    let mut text = format!(
        "{gib} GiB, nine tenths of it filled and half of that freed at random, then 100 times a tenth of the pages freed and allocated anew;\n\
         one page in eight cannot move. Free 2 MiB blocks as a share of what the free pages could make:\n\n"
    );
    let mut line = |cells: [&str; 6]| {
        let [policy, grouping, first, end, compacted, polluted] = cells;
        writeln!(text, "{policy:<12} {grouping:<8} {first:>9} {end:>11} {compacted:>10} {polluted:>20}")
    };
    line(["policy", "grouping", "at first", "at the end", "compacted", "polluted pageblocks"])?;
    for row in rows {
        let [first, end, compacted, polluted] = [row.free_at_first, row.free, row.compacted, row.polluted].map(percent);
        line([row.generation, if row.grouping { "on" } else { "off" }, &first, &end, &compacted, &polluted])?;
    }
    let published = percent(replay::PUBLISHED);
    line(["Linux 6.0 *", "on", &published, &published, "-", "-"])?;
    text.push_str("\n* as published with LLFree (ATC'23): 128 GiB, all pages movable\n");
    print(&text)
}
