use std::collections::BTreeMap;

use gfp::GfpTable;
use serde::{Deserialize, Serialize};

use crate::Kind;

/// `trace.json`: everything that gives the numbers in the tables their meaning.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct Header {
    /// version of the trace format: [`Header::FORMAT`] when written
    pub format: u32,
    /// what wrote the trace
    pub tool: Tool,
    /// host name
    pub host: String,
    /// kernel release (`uname -r`)
    pub kernel: String,
    /// machine (`uname -m`)
    pub architecture: String,
    /// `/proc/sys/kernel/random/boot_id`; empty if unknown
    pub boot_id: String,
    /// what `time` counts from
    pub clock: Clock,
    /// bytes per page
    pub page_size: u64,
    /// log2 of the pages in a pageblock
    pub pageblock_order: u8,
    /// number of free lists per zone: `MAX_PAGE_ORDER` + 1
    pub nr_orders: u8,
    /// the node of each CPU: `cpu_node[cpu]`
    pub cpu_node: Vec<u16>,
    /// the zones of all nodes; tables refer to them by index
    pub zones: Vec<Zone>,
    /// names of the migratetypes of that kernel, by number
    pub migratetypes: Vec<String>,
    /// that kernel's GFP flags, in the order in which it matches them
    pub gfp: GfpTable,
    /// what the `kind` numbers of the event tables mean
    pub kinds: BTreeMap<String, u8>,
    /// the tracepoint formats as the kernel printed them, by name
    pub tracepoints: BTreeMap<String, String>,
    /// what was asked for: options, filters, sampling
    pub options: BTreeMap<String, String>,
    /// one page frame and one object in so many was followed; 1 = all. Each event about a frame or an object then
    /// stands for so many, but for those that have none, which are all there: allocations that failed, frees of NULL.
    /// Extfrag and reclaim events are all there, too.
    pub sample: u32,
    /// one page event in so many has a stack; 0 = none has
    #[serde(default)]
    pub stack_sample: u32,
    /// whether `call_site` and `object` are raw kernel addresses
    pub raw_addresses: bool,
    /// whether `object` is a physical address, so that objects can be linked to the frames of their slab
    pub objects_are_physical: bool,
    /// how the collector stopped; `None` while it runs, and for ever if it was killed
    pub finished: Option<String>,
}

/// A header that says nothing yet: for who knows a part only, as an importer does.
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

/// What wrote a trace.
#[derive(Debug, Clone, Default, Serialize, Deserialize, PartialEq, Eq)]
pub struct Tool {
    /// program name
    pub name: String,
    /// its version
    pub version: String,
    /// its command line
    pub command: Vec<String>,
}

/// The clock of a trace.
#[derive(Debug, Clone, Default, Serialize, Deserialize, PartialEq, Eq)]
pub struct Clock {
    /// `CLOCK_MONOTONIC`, or what an imported trace had
    pub name: String,
    /// add to a `time` to get ns since 1970 UTC
    pub utc_offset_ns: i64,
    /// when recording started, in ns of the clock
    pub start_ns: u64,
    /// when it ended; as of the last rewrite of the header while it runs
    pub end_ns: u64,
}

/// One memory zone of one node, as `/proc/zoneinfo` gave it at the start.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Zone {
    /// NUMA node
    pub node: u16,
    /// `DMA`, `DMA32`, `Normal`, `HighMem`, `Movable`, `Device`
    pub name: String,
    /// first page frame number
    pub start_pfn: u64,
    /// frames from first to last, holes included
    pub spanned: u64,
    /// frames that exist
    pub present: u64,
    /// frames that the allocator manages
    pub managed: u64,
}

impl Zone {
    /// Whether the frame lies in the zone's span.
    pub fn contains(&self, pfn: u64) -> bool {
        (self.start_pfn..self.start_pfn.saturating_add(self.spanned)).contains(&pfn)
    }
}

impl Header {
    /// The version of the format that this crate writes.
    pub const FORMAT: u32 = 2;

    /// The zone of a frame, as an index into `zones`.
    pub fn zone_of(&self, pfn: u64) -> Option<usize> {
        self.zones.iter().position(|zone| zone.contains(pfn))
    }

    /// The table of kinds that every header holds.
    pub fn kinds() -> BTreeMap<String, u8> {
        Kind::ALL.into_iter().filter(|kind| kind.is_event()).map(|kind| (kind.name().to_owned(), kind as u8)).collect()
    }

    /// How long the recording took, in seconds.
    pub fn duration_s(&self) -> f64 {
        self.clock.end_ns.saturating_sub(self.clock.start_ns) as f64 / 1e9
    }

    /// The name of a zone with its node where there are several: `Normal`, `node 1 Normal`.
    pub fn zone_name(&self, zone: u8) -> String {
        match self.zones.get(usize::from(zone)) {
            None => "unknown".to_owned(),
            Some(zone) if self.zones.iter().all(|other| other.node == zone.node) => zone.name.clone(),
            Some(zone) => format!("node {} {}", zone.node, zone.name),
        }
    }

    /// The name of a kind of event; its number where the header does not know it.
    pub fn kind_name(&self, kind: u8) -> String {
        let known = self.kinds.iter().find(|(_, number)| **number == kind);
        known.map_or_else(|| kind.to_string(), |(name, _)| name.clone())
    }

    /// The name of a migratetype, `-` for a free.
    pub fn migratetype_name(&self, migratetype: u8) -> String {
        match self.migratetypes.get(usize::from(migratetype)) {
            Some(name) => name.clone(),
            None if migratetype == u8::MAX => "-".to_owned(),
            None => migratetype.to_string(),
        }
    }
}
