//! What to record, and for how long.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use trace::Family;

use super::flight::FlightOptions;
use crate::{bpf::Source, filter::Filter};

/// What to record, and for how long.
#[derive(Debug, Clone)]
pub struct Options {
    /// the trace directory to make; with `flight` the directory of the traces
    pub output: PathBuf,
    /// stop after this time
    pub duration: Option<Duration>,
    /// the families of events
    pub families: Vec<Family>,
    /// which events of these families; those of the collector itself are always left out
    pub filter: Filter,
    /// one page event in so many has its kernel stack; 0 = none
    pub stack_sample: u32,
    /// how the page and slab programs are attached
    pub source: Source,
    /// bytes of each CPU's ring: a power of two
    pub ring_size: u32,
    /// time between two snapshots of `/proc`
    pub snapshot_interval: Duration,
    /// whether to read at the start what each page frame is used for
    pub frames: bool,
    /// bytes after which a new segment is started
    pub rotate: u64,
    /// store kernel addresses as they are
    pub raw_addresses: bool,
    /// keep the events in memory, and write the last of them when something happens
    pub flight: Option<FlightOptions>,
    /// a command to run; the recording ends with it
    pub command: Vec<OsString>,
}

impl Options {
    /// The options as the header of the trace has them.
    pub(super) fn describe(&self) -> BTreeMap<String, String> {
        let events: Vec<_> = self.families.iter().map(|family| family.name()).collect();
        let command: Vec<_> = self.command.iter().map(|word| word.to_string_lossy()).collect();
        let or_empty = |number: u32| if number == 0 { String::new() } else { number.to_string() };
        let pairs = [
            ("events", events.join(",")),
            ("source", format!("{:?}", self.source).to_lowercase()),
            ("ring_size", self.ring_size.to_string()),
            ("snapshot_interval_s", self.snapshot_interval.as_secs_f64().to_string()),
            ("duration_s", self.duration.map_or_else(String::new, |duration| duration.as_secs_f64().to_string())),
            ("command", command.join(" ")),
            ("filter_pid", or_empty(self.filter.pid)),
            ("filter_comm", self.filter.comm.clone()),
            ("filter_min_order", or_empty(self.filter.min_order)),
            ("filter_min_bytes", or_empty(self.filter.min_bytes)),
            ("filter_gfp", self.filter.gfp.clone().unwrap_or_default()),
            ("filter_cgroup", self.filter.cgroup.clone().unwrap_or_default()),
        ];
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// What a signal may ask of a recording while it runs.
#[derive(Debug, Clone, Default)]
pub struct Requests {
    /// the recording shall end
    pub stop: Arc<AtomicBool>,
    /// the flight recorder shall write what it keeps
    pub write: Arc<AtomicBool>,
}
