//! The result of a replay as text for a terminal.

use std::fmt::Write as _;

use reference::{FreeBlocks, NR_ORDERS};

use super::outcome::Outcome;
use crate::number::{percent, thousands};

impl Outcome {
    /// Returns the result as text for a terminal.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let rate = self.events as f64 / self.elapsed_s.max(1e-9) / 1e6;
        writeln!(
            out,
            "model {} · machine {} · {} page events in {:.2} s ({rate:.1} M/s)",
            self.generation,
            self.kernel,
            thousands(self.events),
            self.elapsed_s
        )?;
        writeln!(
            out,
            "{} allocations, {} frees; compared at {} snapshots",
            thousands(self.allocs),
            thousands(self.frees),
            thousands(self.snapshots.into())
        )?;
        if self.missing_events > 0 {
            writeln!(
                out,
                "{} page events are not in the trace (lost or filtered): the model counts each as one page",
                thousands(self.missing_events)
            )?;
        }
        writeln!(out, "\n{:<22} {:>10} {:>10}", "score", "model", "null model")?;
        let rows = [
            (
                "zone agreement",
                self.score.zone_agreement,
                self.null_model.zone_agreement,
                "of allocations; 100 % is best",
            ),
            (
                "free blocks distance",
                self.score.free_blocks_distance,
                self.null_model.free_blocks_distance,
                "of free pages; 0 is best",
            ),
            (
                "free pages error",
                self.score.free_pages_error,
                self.null_model.free_pages_error,
                "of free pages; 0 is best",
            ),
            (
                "fallback error",
                self.score.fallback_error,
                self.null_model.fallback_error,
                if self.machine_fallbacks.is_some() { "of fallbacks; 0 is best" } else { "of pageblocks; 0 is best" },
            ),
            ("unexplained", self.score.unexplained, self.null_model.unexplained, "of events; 0 is best"),
        ];
        for (name, model, null, unit) in rows {
            writeln!(out, "{name:<22} {:>10} {:>10}  {unit}", percent(model), percent(null))?;
        }
        if self.legal + self.illegal > 0 {
            let share = self.legal as f64 / (self.legal + self.illegal) as f64;
            writeln!(
                out,
                "frames that were free  {:>10}             of allocations; the rest were in use in the model",
                percent(Some(share))
            )?;
        }
        self.write_zones(out)?;
        self.write_gaps(out)
    }

    fn write_zones(&self, out: &mut String) -> std::fmt::Result {
        write!(out, "\nfree blocks by order{:>16}", "")?;
        for order in 0..NR_ORDERS {
            write!(out, " {order:>7}")?;
        }
        writeln!(out, " {:>10}", "pages")?;
        for zone in &self.zones {
            for (who, blocks) in [("at the start", &zone.initial), ("machine", &zone.machine), ("model", &zone.model)] {
                write!(out, "{:<18} {who:<17}", zone.name)?;
                for n in blocks {
                    write!(out, " {:>7}", thousands(*n))?;
                }
                writeln!(out, " {:>10}", thousands(FreeBlocks(*blocks).pages()))?;
            }
        }
        Ok(())
    }

    fn write_gaps(&self, out: &mut String) -> std::fmt::Result {
        if self.gaps.total() > 0 {
            writeln!(out, "\nevents that do not follow from the ones before")?;
        }
        for (gap, n) in self.gaps.iter() {
            writeln!(
                out,
                "{:<16} {:>10} {:>8}  {}",
                gap.name(),
                thousands(n),
                percent(Some(n as f64 / self.events.max(1) as f64)),
                gap.meaning()
            )?;
        }
        writeln!(
            out,
            "\nfailed allocations: {} on the machine, {} more in the model; fallbacks to another migratetype: {} in the model, {} on the machine",
            thousands(self.machine_failures),
            thousands(self.model_failures),
            thousands(self.model_fallbacks),
            self.machine_fallbacks.map_or_else(|| "not recorded".to_owned(), thousands)
        )
    }
}
