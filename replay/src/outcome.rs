//! The result of a replay, as data, as JSON and as text.

use std::fmt::Write;

use reference::NR_ORDERS;
use serde_json::{Value, json};

use crate::{Gap, Gaps, Score};

/// Free blocks of one zone at the last snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneRow {
    /// Zone name, with its node if there are several.
    pub name: String,
    /// The machine at the start of the replay.
    pub initial: [u64; NR_ORDERS],
    /// The machine at the last snapshot.
    pub machine: [u64; NR_ORDERS],
    /// The model at that moment.
    pub model: [u64; NR_ORDERS],
}

/// Free blocks of every zone at one snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// When, in ns of the trace's clock.
    pub time: u64,
    /// The machine, by zone and order.
    pub machine: Vec<[u64; NR_ORDERS]>,
    /// The model, by zone and order.
    pub model: Vec<[u64; NR_ORDERS]>,
}

/// What a replay found.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Generation the model followed.
    pub policy: &'static str,
    /// The traced kernel.
    pub kernel: String,
    /// Page events replayed.
    pub events: u64,
    /// Allocations among them, failed ones included.
    pub allocs: u64,
    /// Frees among them.
    pub frees: u64,
    /// Allocations that failed on the machine.
    pub machine_failures: u64,
    /// Allocations that the machine served and the model could not.
    pub model_failures: u64,
    /// Fallbacks to another migratetype in the model.
    pub model_fallbacks: u64,
    /// Those of the machine, if the trace tells.
    pub machine_fallbacks: Option<u64>,
    /// Frees of memory older than the trace for which the model held no block.
    pub orphans_dropped: u64,
    /// Free pages of the first snapshot that found no place in the model.
    pub unplaced_pages: u64,
    /// Frames mode: allocations whose frames were free in the model.
    pub legal: u64,
    /// Frames mode: allocations of frames that the model did not have free.
    pub illegal: u64,
    /// Page events the collector did not get: lost or filtered.
    pub missing_events: u64,
    /// Snapshots compared with.
    pub snapshots: u32,
    /// Duration of the replay, in seconds.
    pub elapsed_s: f64,
    /// The model against the machine.
    pub score: Score,
    /// A model that always takes the highest allowed zone and whose free blocks never change.
    pub null_model: Score,
    /// Events that did not fit, by class.
    pub gaps: Gaps,
    /// Free blocks at the last snapshot.
    pub zones: Vec<ZoneRow>,
    /// Free blocks at the first snapshot, where the model starts, and at every one compared with.
    pub moments: Vec<Moment>,
}

impl Outcome {
    /// As JSON; the keys are a contract, more may be added. `zones` are the free blocks at the last snapshot,
    /// `free_blocks` those at every one, for charts: `time_ns` of the trace's clock, and by zone and order how many the
    /// machine and the model had at each of these times.
    pub fn to_json(&self) -> Value {
        let gaps: serde_json::Map<String, Value> =
            Gap::ALL.iter().map(|gap| (gap.name().to_owned(), json!(self.gaps.get(*gap)))).collect();
        let zone =
            |z: &ZoneRow| json!({ "zone": z.name, "initial": z.initial, "machine": z.machine, "model": z.model });
        json!({
            "policy": self.policy,
            "kernel": self.kernel,
            "events": self.events,
            "allocs": self.allocs,
            "frees": self.frees,
            "machine_failures": self.machine_failures,
            "model_failures": self.model_failures,
            "model_fallbacks": self.model_fallbacks,
            "machine_fallbacks": self.machine_fallbacks,
            "orphans_dropped": self.orphans_dropped,
            "unplaced_pages": self.unplaced_pages,
            "legal": self.legal,
            "illegal": self.illegal,
            "missing_events": self.missing_events,
            "snapshots": self.snapshots,
            "elapsed_s": self.elapsed_s,
            "score": self.score,
            "null_model": self.null_model,
            "gaps": gaps,
            "zones": self.zones.iter().map(zone).collect::<Vec<_>>(),
            "free_blocks": self.free_blocks_json(),
        })
    }

    fn free_blocks_json(&self) -> Value {
        let time_ns: Vec<u64> = self.moments.iter().map(|moment| moment.time).collect();
        let series = |zone: usize, of: fn(&Moment) -> &[[u64; NR_ORDERS]]| {
            let order = |order: usize| self.moments.iter().map(|moment| of(moment)[zone][order]).collect::<Vec<_>>();
            (0..NR_ORDERS).map(order).collect::<Vec<_>>()
        };
        let zone = |(z, row): (usize, &ZoneRow)| json!({ "zone": row.name, "machine": series(z, |moment| &moment.machine), "model": series(z, |moment| &moment.model) });
        json!({ "time_ns": time_ns, "zones": self.zones.iter().enumerate().map(zone).collect::<Vec<_>>() })
    }

    /// The score as CSV: one line per measure.
    pub fn score_csv(&self) -> String {
        let cell = |value: Option<f64>| value.map_or_else(String::new, |v| v.to_string());
        let rows = [
            ("zone_agreement", self.score.zone_agreement, self.null_model.zone_agreement),
            ("free_blocks_distance", self.score.free_blocks_distance, self.null_model.free_blocks_distance),
            ("free_pages_error", self.score.free_pages_error, self.null_model.free_pages_error),
            ("fallback_error", self.score.fallback_error, self.null_model.fallback_error),
            ("unexplained", self.score.unexplained, self.null_model.unexplained),
        ];
        let line = |(name, model, null)| format!("{name},{},{}\n", cell(model), cell(null));
        std::iter::once("measure,model,null_model\n".to_owned()).chain(rows.map(line)).collect()
    }

    /// Events that did not fit as CSV: one line per class.
    pub fn gaps_csv(&self) -> String {
        let line = |gap: &Gap| format!("{},{}\n", gap.name(), self.gaps.get(*gap));
        std::iter::once("class,events\n".to_owned()).chain(Gap::ALL.iter().map(line)).collect()
    }

    /// Free blocks over time as CSV, for a chart: one line per snapshot, zone and order.
    pub fn free_blocks_csv(&self) -> String {
        let mut text = String::from("time_ns,zone,order,machine,model\n");
        for moment in &self.moments {
            for (z, zone) in self.zones.iter().enumerate() {
                for order in 0..NR_ORDERS {
                    let (machine, model) = (moment.machine[z][order], moment.model[z][order]);
                    // Writing to a String cannot fail.
                    let _ = writeln!(text, "{},{},{order},{machine},{model}", moment.time, zone.name);
                }
            }
        }
        text
    }

    /// As text for a terminal.
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
            self.policy, self.kernel, self.events, self.elapsed_s
        )?;
        writeln!(out, "{} allocations, {} frees; compared at {} snapshots", self.allocs, self.frees, self.snapshots)?;
        if self.missing_events > 0 {
            writeln!(
                out,
                "{} page events are not in the trace (lost or filtered): the model counts each as one page",
                self.missing_events
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
        writeln!(out, " {:>9}", "pages")?;
        for zone in &self.zones {
            for (who, blocks) in [("at the start", &zone.initial), ("machine", &zone.machine), ("model", &zone.model)] {
                write!(out, "{:<18} {who:<17}", zone.name)?;
                for n in blocks {
                    write!(out, " {n:>7}")?;
                }
                writeln!(out, " {:>9}", reference::FreeBlocks(*blocks).pages())?;
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
                "{:<16} {n:>10} {:>8}  {}",
                gap.name(),
                percent(Some(n as f64 / self.events.max(1) as f64)),
                gap.meaning()
            )?;
        }
        writeln!(
            out,
            "\nfailed allocations: {} on the machine, {} more in the model; fallbacks to another migratetype: {} in the model, {} on the machine",
            self.machine_failures,
            self.model_failures,
            self.model_fallbacks,
            self.machine_fallbacks.map_or_else(|| "not recorded".to_owned(), |n| n.to_string())
        )
    }
}

fn percent(fraction: Option<f64>) -> String {
    fraction.map_or_else(|| "-".to_owned(), |f| format!("{:.2} %", f * 100.0))
}
