//! The result of a replay as JSON.

use reference::NR_ORDERS;
use serde_json::{Value, json};

use super::{
    gap::Gap,
    outcome::{Moment, Outcome, ZoneRow},
};

impl Outcome {
    /// Returns the result as JSON. The keys are a contract: keys may be added, but none is removed. `zones` has the
    /// free blocks at the last snapshot. `free_blocks`, for charts, has those at every snapshot: the time as `time_ns`
    /// of the trace's clock, and by zone and order the numbers of the machine and the model.
    pub fn to_json(&self) -> Value {
        let gaps: serde_json::Map<String, Value> =
            Gap::ALL.iter().map(|gap| (gap.name().to_owned(), json!(self.gaps.get(*gap)))).collect();
        let zone =
            |z: &ZoneRow| json!({ "zone": z.name, "initial": z.initial, "machine": z.machine, "model": z.model });
        json!({
            "policy": self.generation,
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
}
