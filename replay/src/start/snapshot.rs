//! The trace's snapshots of /proc, zone by zone in the model's numbering.

use std::collections::BTreeMap;

use reference::{MIGRATE_TYPES, NR_ORDERS};
use trace::{ANY_MIGRATETYPE, FreeArea, Pageblock, Trace, ZoneStat};

use super::machine::Machine;
use crate::Error;

/// The contents of `/proc` at one moment.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// The time of the snapshot, in ns of the trace's clock.
    pub time: u64,
    /// The zones, in the model's order.
    pub zones: Vec<ZoneSnapshot>,
}

/// The state of one zone in a snapshot.
#[derive(Debug, Clone, Default)]
pub struct ZoneSnapshot {
    /// The number of free blocks by order (`/proc/buddyinfo`).
    pub free: [u64; NR_ORDERS],
    /// The number of free blocks by order and migratetype (`/proc/pagetypeinfo`).
    pub by_type: [[u64; MIGRATE_TYPES]; NR_ORDERS],
    /// The number of pageblocks by migratetype.
    pub pageblocks: [u64; MIGRATE_TYPES],
    /// The items of `/proc/zoneinfo`, by name.
    pub items: BTreeMap<String, i64>,
}

impl ZoneSnapshot {
    /// Returns the number of free pages.
    pub fn free_pages(&self) -> u64 {
        reference::FreeBlocks(self.free).pages()
    }

    /// Returns an item of `/proc/zoneinfo`, or `None` if it was not recorded.
    pub fn item(&self, name: &str) -> Option<u64> {
        self.items.get(name).and_then(|value| u64::try_from(*value).ok())
    }

    /// Returns the number of pages on a CPU's pcp lists.
    pub(crate) fn pcp_count(&self, cpu: u16) -> u64 {
        self.item(&format!("pagesets[{cpu}].count")).unwrap_or(0)
    }
}

/// Returns all snapshots of a trace, oldest first. Incomplete ones, without free blocks, are left out.
///
/// # Errors
/// [`Error::Damaged`] if a batch of them cannot be read.
pub fn snapshots(trace: &Trace, machine: &Machine) -> Result<Vec<Snapshot>, Error> {
    let mut problems = Vec::new();
    let free_areas: Vec<FreeArea> = trace.all(&mut problems);
    let pageblocks: Vec<Pageblock> = trace.all(&mut problems);
    let zone_stats: Vec<ZoneStat> = trace.all(&mut problems);
    if let Some(problem) = problems.first() {
        return Err(Error::Damaged(problem.to_string()));
    }
    let mut all: BTreeMap<u32, Snapshot> = BTreeMap::new();
    let zones = machine.config.layout.zones.len();
    let empty = || Snapshot { time: 0, zones: vec![ZoneSnapshot::default(); zones] };
    for row in free_areas {
        let snapshot = all.entry(row.snapshot).or_insert_with(empty);
        snapshot.time = row.time;
        let Some(zone) = machine.zone(row.zone) else { continue };
        let zone = &mut snapshot.zones[usize::from(zone.0)];
        let order = usize::from(row.order);
        if order >= NR_ORDERS {
            continue;
        }
        if row.migratetype == ANY_MIGRATETYPE {
            zone.free[order] = row.nr_free;
        } else if let Some(mt) = machine.migratetype(row.migratetype) {
            zone.by_type[order][mt.index()] = row.nr_free;
        }
    }
    for row in pageblocks {
        let Some(snapshot) = all.get_mut(&row.snapshot) else { continue };
        if let (Some(zone), Some(mt)) = (machine.zone(row.zone), machine.migratetype(row.migratetype)) {
            snapshot.zones[usize::from(zone.0)].pageblocks[mt.index()] = row.count;
        }
    }
    for row in zone_stats {
        let Some(snapshot) = all.get_mut(&row.snapshot) else { continue };
        if let Some(zone) = machine.zone(row.zone) {
            snapshot.zones[usize::from(zone.0)].items.insert(row.item, row.value);
        }
    }
    Ok(all.into_values().collect())
}
