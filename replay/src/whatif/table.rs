//! The results of several models side by side, as text.

use std::fmt::{self, Write as _};

use reference::{FreeBlocks, NR_ORDERS};

use crate::{
    compare::Outcome,
    number::{percent, thousands},
};

/// Returns the results of several models side by side, as text for a terminal. Each model has its name from `names`.
pub fn side_by_side(names: &[&str], outcomes: &[Outcome]) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write(&mut text, names, outcomes);
    text
}

fn write(text: &mut String, names: &[&str], outcomes: &[Outcome]) -> fmt::Result {
    if let Some(first) = outcomes.first() {
        writeln!(
            text,
            "machine {} · {} page events, {} missing from the trace",
            first.kernel,
            thousands(first.events),
            thousands(first.missing_events)
        )?;
    }
    writeln!(
        text,
        "{:<40} {:>8} {:>9} {:>9} {:>10} {:>11} {:>9}",
        "model", "zones", "failures", "fallbacks", "free pages", "unusable(9)", "distance"
    )?;
    for (name, o) in names.iter().zip(outcomes) {
        let mut blocks = [0; NR_ORDERS];
        for zone in &o.zones {
            for (sum, n) in blocks.iter_mut().zip(zone.model) {
                *sum += n;
            }
        }
        let free = FreeBlocks(blocks);
        writeln!(
            text,
            "{name:<40} {:>8} {:>9} {:>9} {:>10} {:>11.3} {:>9}",
            percent(o.score.zone_agreement),
            thousands(o.model_failures),
            thousands(o.model_fallbacks),
            thousands(free.pages()),
            free.unusable_index(9) as f64 / 1000.0,
            percent(o.score.free_blocks_distance)
        )?;
    }
    text.push_str("zones, distance: against the machine. unusable(9): share of free memory that no 2 MiB block can come from, at the end.\n");
    Ok(())
}
