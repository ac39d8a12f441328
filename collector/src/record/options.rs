//! The options of a recording.

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

/// The options of a recording: what to record, and for how long.
#[derive(Debug, Clone)]
pub struct Options {
    /// The trace directory to create; with `flight`, the directory of the traces.
    pub output: PathBuf,
    /// The time after which the recording stops, if it is limited.
    pub duration: Option<Duration>,
    /// The families of events to record.
    pub families: Vec<Family>,
    /// The filter, which says which events of these families are recorded. Events of the collector itself are always
    /// left out.
    pub filter: Filter,
    /// The stack sampling divisor N: one page event in N gets its kernel stack; 0 means none.
    pub stack_sample: u32,
    /// The way in which the page and slab programs are attached.
    pub source: Source,
    /// The size of each CPU's ring in bytes, a power of two.
    pub ring_size: u32,
    /// The time between two snapshots of `/proc`.
    pub snapshot_interval: Duration,
    /// Whether to read at the start what each page frame is used for.
    pub frames: bool,
    /// The size in bytes after which a new segment is started.
    pub rotate: u64,
    /// Whether to store kernel addresses as they are.
    pub raw_addresses: bool,
    /// The options of the flight recorder; `None` to write all events to one trace.
    pub flight: Option<FlightOptions>,
    /// The command to run, with whose end the recording ends; empty for none.
    pub command: Vec<OsString>,
}

impl Options {
    /// Returns the options in the form for the trace's header.
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

/// The requests that signals make to a running recording.
#[derive(Debug, Clone, Default)]
pub struct Requests {
    /// Set if the recording shall end.
    pub stop: Arc<AtomicBool>,
    /// Set if the flight recorder shall write what it keeps.
    pub write: Arc<AtomicBool>,
}
