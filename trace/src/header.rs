use std::collections::BTreeMap;

use gfp::GfpTable;
use serde::{Deserialize, Serialize};

use crate::Kind;

/// The contents of `trace.json`, which give the numbers in the tables their meaning.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct Header {
    /// The version of the trace format: [`Header::FORMAT`] when this crate writes it.
    pub format: u32,
    /// The program that wrote the trace.
    pub tool: Tool,
    /// The name of the host.
    pub host: String,
    /// The kernel release (`uname -r`).
    pub kernel: String,
    /// The machine's architecture (`uname -m`).
    pub architecture: String,
    /// The contents of `/proc/sys/kernel/random/boot_id`; empty if unknown.
    pub boot_id: String,
    /// The clock of the column `time`.
    pub clock: Clock,
    /// The size of a page in bytes.
    pub page_size: u64,
    /// The order of a pageblock: log2 of its number of pages.
    pub pageblock_order: u8,
    /// The number of orders of the buddy allocator: `MAX_PAGE_ORDER` + 1.
    pub nr_orders: u8,
    /// The NUMA node of each CPU: `cpu_node[cpu]`.
    pub cpu_node: Vec<u16>,
    /// The zones of all nodes. Tables refer to a zone by its index in this list.
    pub zones: Vec<Zone>,
    /// The names of the kernel's migratetypes, by number.
    pub migratetypes: Vec<String>,
    /// The kernel's GFP flags, in the order in which the kernel matches them when it prints a mask.
    pub gfp: GfpTable,
    /// The numbers in the column `kind` of the event tables, by name.
    pub kinds: BTreeMap<String, u8>,
    /// The tracepoint formats as the kernel printed them, by the tracepoint's name.
    pub tracepoints: BTreeMap<String, String>,
    /// The options, filters and sampling with which the trace was recorded.
    pub options: BTreeMap<String, String>,
    /// The sampling divisor N: one page frame and one object in N was followed; 1 means all. Each event of a frame or
    /// an object then stands for N events. Events without a frame or an object (allocations that failed, frees of
    /// NULL), extfrag events and reclaim events are all recorded.
    pub sample: u32,
    /// The stack sampling divisor N: one page event in N has a stack; 0 means that none has.
    #[serde(default)]
    pub stack_sample: u32,
    /// Whether `call_site` and `object` are raw kernel addresses.
    pub raw_addresses: bool,
    /// Whether `object` is a physical address, so that objects can be linked to the frames of their slab.
    pub objects_are_physical: bool,
    /// The way in which the collector stopped; `None` while the collector runs, and after it was killed.
    pub finished: Option<String>,
}

/// A header without information about a machine, for a program that knows only a part of it, such as an importer.
impl Default for Header {
    fn default() -> Self {
        Self {
            format: Self::FORMAT,
            tool: Tool::default(),
            host: String::new(),
            kernel: String::new(),
            architecture: String::new(),
            boot_id: String::new(),
            clock: Clock::default(),
            page_size: 4096,
            pageblock_order: 9,
            nr_orders: 11,
            cpu_node: Vec::new(),
            zones: Vec::new(),
            migratetypes: Vec::new(),
            gfp: GfpTable::default(),
            kinds: Self::kinds(),
            tracepoints: BTreeMap::new(),
            options: BTreeMap::new(),
            sample: 1,
            stack_sample: 0,
            raw_addresses: false,
            objects_are_physical: false,
            finished: None,
        }
    }
}

/// The program that wrote a trace.
#[derive(Debug, Clone, Default, Serialize, Deserialize, PartialEq, Eq)]
pub struct Tool {
    /// The name of the program.
    pub name: String,
    /// The version of the program.
    pub version: String,
    /// The command line of the program.
    pub command: Vec<String>,
}

/// The clock of a trace.
#[derive(Debug, Clone, Default, Serialize, Deserialize, PartialEq, Eq)]
pub struct Clock {
    /// The name of the clock: `CLOCK_MONOTONIC`, or the clock of an imported trace.
    pub name: String,
    /// The number of ns to add to a `time` to get ns since 1970 UTC.
    pub utc_offset_ns: i64,
    /// The time at which recording started, in ns of the clock.
    pub start_ns: u64,
    /// The time at which recording ended, in ns of the clock; while it runs, the time of the last rewrite of the
    /// header.
    pub end_ns: u64,
}

/// One memory zone of one node, as `/proc/zoneinfo` described it when recording started.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Zone {
    /// The NUMA node of the zone.
    pub node: u16,
    /// The name of the zone: `DMA`, `DMA32`, `Normal`, `HighMem`, `Movable` or `Device`.
    pub name: String,
    /// The number of the first page frame.
    pub start_pfn: u64,
    /// The number of frames from the first to the last, including holes.
    pub spanned: u64,
    /// The number of frames that exist.
    pub present: u64,
    /// The number of frames that the allocator manages.
    pub managed: u64,
}

impl Zone {
    /// Returns whether the frame lies in the zone's span.
    pub fn contains(&self, pfn: u64) -> bool {
        (self.start_pfn..self.start_pfn.saturating_add(self.spanned)).contains(&pfn)
    }
}

impl Header {
    /// The version of the trace format that this crate writes.
    pub const FORMAT: u32 = 2;

    /// Returns the zone of a frame, as an index into `zones`.
    pub fn zone_of(&self, pfn: u64) -> Option<usize> {
        self.zones.iter().position(|zone| zone.contains(pfn))
    }

    /// Returns the table of kinds that every header holds.
    pub fn kinds() -> BTreeMap<String, u8> {
        Kind::ALL.into_iter().filter(|kind| kind.is_event()).map(|kind| (kind.name().to_owned(), kind as u8)).collect()
    }

    /// Returns the duration of the recording, in seconds.
    pub fn duration_s(&self) -> f64 {
        self.clock.end_ns.saturating_sub(self.clock.start_ns) as f64 / 1e9
    }

    /// Returns the name of a zone, with its node if there are several nodes: `Normal`, `node 1 Normal`.
    pub fn zone_name(&self, zone: u8) -> String {
        match self.zones.get(usize::from(zone)) {
            None => "unknown".to_owned(),
            Some(zone) if self.zones.iter().all(|other| other.node == zone.node) => zone.name.clone(),
            Some(zone) => format!("node {} {}", zone.node, zone.name),
        }
    }

    /// Returns the name of a kind of event, or the number if the header does not know the kind.
    pub fn kind_name(&self, kind: u8) -> String {
        let known = self.kinds.iter().find(|(_, number)| **number == kind);
        known.map_or_else(|| kind.to_string(), |(name, _)| name.clone())
    }

    /// Returns the name of a migratetype; `-` for a free, and the number if the header does not know the migratetype.
    pub fn migratetype_name(&self, migratetype: u8) -> String {
        match self.migratetypes.get(usize::from(migratetype)) {
            Some(name) => name.clone(),
            None if migratetype == u8::MAX => "-".to_owned(),
            None => migratetype.to_string(),
        }
    }
}
