//! A replay of the trace beside the machine: what `replay run TRACE --json FILE` found, which is all that this program
//! knows of the replay's model of the allocator.

use std::collections::BTreeSet;

use serde::Deserialize;
use trace::{FreeArea, Trace};

use crate::{
    Error,
    present::{
        charts::{Chart, Model, ModelOrder, ModelZone},
        table::{Cell, Table, Unit},
    },
    units,
};

/// A replay of a trace.
#[derive(Debug, Clone)]
pub struct Replay {
    found: Found,
    /// when the trace starts, ns of its clock
    start_ns: u64,
}

/// The keys that are read; a newer replay may write more.
#[derive(Debug, Clone, Deserialize)]
struct Found {
    policy: String,
    kernel: String,
    events: u64,
    snapshots: u64,
    #[serde(default)]
    missing_events: u64,
    /// none, if the trace has no events of fallbacks: then pageblocks are compared
    #[serde(default)]
    machine_fallbacks: Option<u64>,
    score: Score,
    null_model: Score,
    zones: Vec<Start>,
    free_blocks: OverTime,
}

/// Fractions; none where there is nothing to compare.
#[derive(Debug, Clone, Copy, Deserialize)]
struct Score {
    zone_agreement: Option<f64>,
    free_blocks_distance: Option<f64>,
    free_pages_error: Option<f64>,
    fallback_error: Option<f64>,
    unexplained: Option<f64>,
}

/// A zone at the first snapshot, which the null model keeps.
#[derive(Debug, Clone, Deserialize)]
struct Start {
    zone: String,
    initial: Vec<u64>,
}

/// The free blocks of all zones at the snapshots.
#[derive(Debug, Clone, Deserialize)]
struct OverTime {
    time_ns: Vec<u64>,
    zones: Vec<Series>,
}

/// Free blocks of a zone, by order and then by time.
#[derive(Debug, Clone, Deserialize)]
struct Series {
    zone: String,
    machine: Vec<Vec<u64>>,
    model: Vec<Vec<u64>>,
}

impl Replay {
    /// Reads the text of the file called `name`, and makes sure that it is about this trace.
    ///
    /// # Errors
    /// [`Error::Text`] if the text is something else, or about another trace.
    pub fn parse(text: &str, name: &str, trace: &Trace) -> Result<Self, Error> {
        let refused = |reason: String| Error::Text { what: name.to_owned(), reason };
        let found: Found = serde_json::from_str(text)
            .map_err(|error| refused(format!("it is not what `replay run TRACE --json FILE` writes ({error})")))?;
        found.check_shape().map_err(|reason| refused(reason.to_owned()))?;
        let times: BTreeSet<u64> = trace.all::<FreeArea>(&mut Vec::new()).iter().map(|row| row.time).collect();
        if found.kernel != trace.header.kernel || found.free_blocks.time_ns.iter().any(|time| !times.contains(time)) {
            let dir = trace.dir.display();
            return Err(refused(format!(
                "it is about another trace; `replay run {dir} --json FILE` makes one that is about this"
            )));
        }
        Ok(Self { found, start_ns: trace.header.clock.start_ns })
    }

    /// Returns the chart of free blocks over time, of the zones that ever had one.
    pub fn chart(&self) -> Chart {
        let OverTime { time_ns, zones } = &self.found.free_blocks;
        let time_s: Vec<f64> = time_ns.iter().map(|time| time.saturating_sub(self.start_ns) as f64 / 1e9).collect();
        let zone = |(zone, start): (&Series, &Start)| {
            let series = zone.machine.iter().zip(&zone.model).zip(&start.initial);
            let order = |((machine, model), null_model): ((&Vec<u64>, &Vec<u64>), &u64)| ModelOrder {
                machine: machine.clone(),
                model: model.clone(),
                null_model: *null_model,
            };
            ModelZone { zone: zone.zone.clone(), time_s: time_s.clone(), orders: series.map(order).collect() }
        };
        let had_one = |zone: &ModelZone| {
            zone.orders.iter().any(|order| order.machine.iter().chain(&order.model).any(|blocks| *blocks > 0))
        };
        let zones = zones.iter().zip(&self.found.zones).map(zone).filter(had_one).collect();
        Chart::Model(Model { policy: self.found.policy.clone(), zones })
    }

    /// Returns the score of the model as a table, with the null model's beside it.
    pub fn table(&self) -> Table {
        let Found { score, null_model, .. } = &self.found;
        let fallbacks =
            if self.found.machine_fallbacks.is_some() { "of fallbacks; 0 is best" } else { "of pageblocks; 0 is best" };
        let measures = [
            ("zone agreement", [score.zone_agreement, null_model.zone_agreement], "of allocations; 100 is best"),
            (
                "free blocks distance",
                [score.free_blocks_distance, null_model.free_blocks_distance],
                "of free pages, at the snapshots; 0 is best",
            ),
            (
                "free pages error",
                [score.free_pages_error, null_model.free_pages_error],
                "of free pages, at the snapshots; 0 is best",
            ),
            ("fallback error", [score.fallback_error, null_model.fallback_error], fallbacks),
            ("unexplained", [score.unexplained, null_model.unexplained], "of events; 0 is best"),
        ];
        let mut table = Table::new("Score of the model");
        table.column("measure", "Measure", Unit::Text).column("model", "Model", Unit::Fraction);
        table.column("null_model", "Null model", Unit::Fraction).column("of", "Of what", Unit::Text);
        for (name, scores, of) in measures {
            let [model, null] = scores.map(|score| score.map_or(Cell::None, Cell::Real));
            table.row(vec![Cell::Text(name.into()), model, null, Cell::Text(of.into())]);
        }
        if self.found.missing_events > 0 {
            table.note(format!(
                "! {} page events were lost or filtered: the model did not see them",
                units::count(self.found.missing_events.cast_signed())
            ));
        }
        table.note("the null model takes every page from the highest zone, and its free blocks never change: what it scores, the trace gives away for nothing");
        table
    }

    /// Returns what was replayed, in a sentence.
    pub fn sentence(&self) -> String {
        let Found { policy, events, snapshots, .. } = &self.found;
        let count = |number: &u64| units::count(number.cast_signed());
        format!(
            "The rules {policy} were given the {} page events of the trace, and compared with the machine at {} snapshots.",
            count(events),
            count(snapshots)
        )
    }
}

impl Found {
    /// Checks that every zone has as many orders and times in all of its tables, and that no number is too large to be
    /// a count.
    fn check_shape(&self) -> Result<(), &'static str> {
        let OverTime { time_ns, zones } = &self.free_blocks;
        if zones.len() != self.zones.len() {
            return Err("its keys `zones` and `free_blocks.zones` are about different numbers of zones");
        }
        for (zone, start) in zones.iter().zip(&self.zones) {
            let orders = start.initial.len();
            let whole = zone.zone == start.zone && zone.machine.len() == orders && zone.model.len() == orders;
            let series = || zone.machine.iter().chain(&zone.model);
            if !whole || series().any(|blocks| blocks.len() != time_ns.len()) {
                return Err("a zone has not as many orders and times everywhere");
            }
            if series().flatten().chain(&start.initial).any(|blocks| i64::try_from(*blocks).is_err()) {
                return Err("a number of blocks is larger than any memory");
            }
        }
        Ok(())
    }
}
