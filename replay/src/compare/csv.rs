//! The result of a replay as tables for charts.

use std::fmt::Write as _;

use reference::NR_ORDERS;

use super::{gap::Gap, outcome::Outcome};

impl Outcome {
    /// Returns the score as CSV, with one line per measure.
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

    /// Returns the counts of events that did not fit as CSV, with one line per class.
    pub fn gaps_csv(&self) -> String {
        let line = |gap: &Gap| format!("{},{}\n", gap.name(), self.gaps.get(*gap));
        std::iter::once("class,events\n".to_owned()).chain(Gap::ALL.iter().map(line)).collect()
    }

    /// Returns the free blocks over time as CSV for a chart, with one line per snapshot, zone and order.
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
}
