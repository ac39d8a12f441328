//! The check of events for those that fire a trigger of the flight recorder.

use std::{collections::HashMap, time::Duration};

use trace::{Kind, NO_PFN, PageEvent, ReclaimEvent};

use super::options::Triggers;
use crate::merge::HeldEvent;

/// Gets every event in time order, and finds out when a trigger fires.
pub(super) struct TriggerWatch {
    triggers: Triggers,
    /// The time at which each thread began to compact for an allocation of its own, in ns of `CLOCK_MONOTONIC`, by pid.
    compactions: HashMap<u32, u64>,
}

impl TriggerWatch {
    /// Returns a watch that has not seen any event.
    pub fn new(triggers: Triggers) -> Self {
        Self { triggers, compactions: HashMap::new() }
    }

    /// Returns the time of the event and what happened, if this event fires a trigger.
    pub fn inspect(&mut self, event: HeldEvent<'_>) -> Option<(u64, String)> {
        let (time, reason) = match event {
            HeldEvent::Page(page) => (page.time, self.failure(page)),
            HeldEvent::Reclaim(reclaim) => (reclaim.time, self.pressure(reclaim)),
        };
        reason.map(|reason| (time, reason))
    }

    fn failure(&self, page: &PageEvent) -> Option<String> {
        let failed = page.kind == Kind::PageAlloc as u8 && page.pfn == NO_PFN;
        (failed && self.triggers.failure.is_some_and(|order| page.order >= order))
            .then(|| format!("an allocation of order {} failed, asked for by thread {}", page.order, page.pid))
    }

    fn pressure(&mut self, reclaim: &ReclaimEvent) -> Option<String> {
        match Kind::from_number(reclaim.kind)? {
            Kind::OomVictim => self.triggers.oom.then(|| format!("the OOM killer chose process {}", reclaim.value)),
            Kind::TryToCompact => {
                self.compactions.insert(reclaim.pid, reclaim.time);
                None
            }
            // This is the end of the compaction of one zone, and more zones may follow. A compaction by kcompactd, or
            // by a write to `compact_memory`, is not for an allocation and has no entry here.
            Kind::CompactionEnd => {
                let took = Duration::from_nanos(reclaim.time.saturating_sub(*self.compactions.get(&reclaim.pid)?));
                self.triggers.compaction.filter(|limit| took >= *limit)?;
                self.compactions.remove(&reclaim.pid);
                Some(format!("thread {} waited {} ms for compaction", reclaim.pid, took.as_millis()))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reclaim(kind: Kind, time: u64) -> ReclaimEvent {
        ReclaimEvent { time, pid: 7, cpu: 0, kind: kind as u8, order: 9, gfp: 0, node: 0, zone: 0, pfn: 0, value: 99 }
    }

    #[test]
    fn each_trigger_fires_on_what_it_names_only() {
        let triggers = Triggers { failure: Some(4), oom: true, compaction: Some(Duration::from_millis(10)) };
        let mut watch = TriggerWatch::new(triggers);
        let page = |order, pfn| PageEvent {
            time: 1,
            pid: 7,
            cpu: 0,
            kind: Kind::PageAlloc as u8,
            order,
            pfn,
            gfp: 0,
            migratetype: 0,
            zone: 0,
            stack: 0,
        };
        assert_eq!(watch.failure(&page(3, NO_PFN)), None);
        assert_eq!(watch.failure(&page(9, 1)), None);
        assert!(watch.failure(&page(4, NO_PFN)).unwrap().contains("order 4 failed"));
        assert_eq!(watch.pressure(&reclaim(Kind::CompactionBegin, 0)), None);
        assert_eq!(watch.pressure(&reclaim(Kind::CompactionEnd, 99_000_000)), None, "for no allocation");
        assert_eq!(watch.pressure(&reclaim(Kind::TryToCompact, 0)), None);
        assert_eq!(watch.pressure(&reclaim(Kind::CompactionEnd, 9_000_000)), None);
        assert!(
            watch.pressure(&reclaim(Kind::CompactionEnd, 10_000_000)).unwrap().contains("10 ms"),
            "two zones together"
        );
        assert_eq!(watch.pressure(&reclaim(Kind::CompactionEnd, 99_000_000)), None, "told once");
        assert!(watch.pressure(&reclaim(Kind::OomVictim, 0)).unwrap().contains("process 99"));
    }
}
