//! The traced machine as the model's configuration.

use reference::{
    Config, Generation, Layout, MAX_ZONES, Migratetype, NodeId, PAGE_OFFSET_X86_32, PAGE_OFFSET_X86_64, PageAllocator,
    ZoneId, ZoneSpec, ZoneType,
};
use trace::Trace;

use crate::Error;

/// The traced machine, with the header's values in the model's types.
#[derive(Clone)]
pub struct Machine {
    pub(crate) config: Config,
    /// Whether the model takes marks and list sizes from the snapshots. Otherwise they follow from the formulas,
    /// because a what-if changed them.
    pub(crate) follows_marks: bool,
    /// The number of pages that are in use from the start, from the highest zone down: a what-if with less memory.
    pub(crate) withheld: u64,
    /// The model's zone for each of the header's zones; `None` for those without memory.
    zones: Vec<Option<ZoneId>>,
    /// The migratetype of each of the header's names.
    migratetypes: Vec<Option<Migratetype>>,
    /// The node of each CPU.
    cpu_node: Vec<NodeId>,
}

impl Machine {
    /// Reads the header of a trace. The model follows the rules of the given generation of kernels, or with `None`
    /// those of the generation nearest to the traced kernel.
    ///
    /// # Errors
    /// [`Error::PageSize`], [`Error::NoZones`], [`Error::TooManyZones`] or [`Error::TooManyFrames`] if the model cannot
    /// be built.
    pub fn of(trace: &Trace, generation: Option<Generation>) -> Result<Self, Error> {
        let header = &trace.header;
        if header.page_size != reference::PAGE_SIZE {
            return Err(Error::PageSize { found: header.page_size });
        }
        let mut specs = Vec::new();
        let mut zones = Vec::new();
        for zone in &header.zones {
            let kind = ZoneType::from_name(&zone.name).filter(|kind| zone.spanned > 0 && *kind != ZoneType::Device);
            zones.push(kind.map(|_| ZoneId(specs.len() as u8)));
            specs.extend(kind.map(|kind| ZoneSpec {
                kind,
                node: NodeId(zone.node as u8),
                start_pfn: zone.start_pfn,
                spanned: zone.spanned,
                present: zone.present,
                managed: zone.managed,
            }));
        }
        if specs.is_empty() {
            return Err(Error::NoZones { path: trace.dir.clone() });
        }
        if specs.len() > MAX_ZONES {
            return Err(Error::TooManyZones { path: trace.dir.clone(), found: specs.len() });
        }
        let frames = frames(&specs);
        if !is_room_for(frames) {
            return Err(Error::TooManyFrames { path: trace.dir.clone(), frames });
        }
        // The kernel prints every zone type that it is configured with, populated or not.
        let named: Vec<ZoneType> = header.zones.iter().filter_map(|zone| ZoneType::from_name(&zone.name)).collect();
        let configured = ZoneType::ALL.into_iter().filter(|kind| named.contains(kind)).collect();
        let highmem = named.contains(&ZoneType::HighMem);
        let layout = Layout {
            name: header.host.clone(),
            zones: specs,
            cpus: (header.cpu_node.len() as u16).max(1),
            configured,
            page_offset: if highmem { PAGE_OFFSET_X86_32 } else { PAGE_OFFSET_X86_64 },
        };
        let generation = generation.unwrap_or_else(|| generation_of(&header.kernel));
        let mut config = Config::new(layout, generation);
        // The masks of the events are in the traced kernel's numbering, whatever rules the model follows.
        config.gfp = header.gfp.clone();
        config.rules.pageblock_order = header.pageblock_order.min(reference::MAX_ORDER);
        let migratetypes = header.migratetypes.iter().map(|name| Migratetype::from_name(name)).collect();
        // A node without memory is served by another node. The header does not say which one is nearest.
        let with_memory = |node: NodeId| config.layout.zones.iter().any(|zone| zone.node == node);
        let cpu_node = header.cpu_node.iter().map(|node| NodeId(*node as u8));
        let cpu_node =
            cpu_node.map(|node| if with_memory(node) { node } else { config.layout.zones[0].node }).collect();
        Ok(Self { config, follows_marks: true, withheld: 0, zones, migratetypes, cpu_node })
    }

    /// Returns the model's configuration.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Returns the model's zone for an index into the header's zones.
    pub fn zone(&self, zone: u8) -> Option<ZoneId> {
        self.zones.get(usize::from(zone)).copied().flatten()
    }

    /// Returns the migratetype that has this number on the traced machine.
    pub fn migratetype(&self, number: u8) -> Option<Migratetype> {
        self.migratetypes.get(usize::from(number)).copied().flatten()
    }

    /// Returns the node of a CPU.
    pub fn node(&self, cpu: u16) -> NodeId {
        self.cpu_node.get(usize::from(cpu)).copied().unwrap_or(NodeId(0))
    }

    /// Returns the names of the model's zones, with their node if there are several nodes.
    pub fn zone_names(&self) -> Vec<String> {
        let zones = &self.config.layout.zones;
        let many = self.config.layout.nodes() > 1;
        let name =
            |z: &ZoneSpec| if many { format!("node {} {}", z.node.0, z.kind.name()) } else { z.kind.name().to_owned() };
        zones.iter().map(name).collect()
    }
}

/// Returns the number of frames from the first zone's start to the last zone's end.
fn frames(zones: &[ZoneSpec]) -> u64 {
    let start = zones.iter().map(|zone| zone.start_pfn).min().unwrap_or(0);
    zones.iter().map(|zone| zone.start_pfn.saturating_add(zone.spanned)).max().unwrap_or(0) - start
}

/// Returns whether the system would provide the memory for a model of `frames` frames and its
/// [`FrameHistory`](super::history::FrameHistory), which takes a byte per frame. A header may contain any number, and a
/// request for too much memory would abort the program.
fn is_room_for(frames: u64) -> bool {
    let bytes = (PageAllocator::METADATA_BYTES_PER_PAGE as u64 + 1)
        .checked_mul(frames)
        .and_then(|bytes| usize::try_from(bytes).ok());
    // The model numbers frames with 32 bits.
    u32::try_from(frames).is_ok() && bytes.is_some_and(|bytes| Vec::<u8>::new().try_reserve_exact(bytes).is_ok())
}

/// Returns the generation of a `uname -r` such as `6.12.48+deb13-amd64`.
fn generation_of(release: &str) -> Generation {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|n| n.parse().unwrap_or(0));
    Generation::of_release(numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_of_any_size_is_made_or_refused() {
        let zone = |start_pfn, spanned| ZoneSpec {
            kind: ZoneType::Normal,
            node: NodeId(0),
            start_pfn,
            spanned,
            present: spanned,
            managed: spanned,
        };
        assert_eq!(frames(&[zone(4096, 4096), zone(1, 4095)]), 8191);
        assert_eq!(frames(&[zone(1, u64::MAX)]), u64::MAX - 1);
        assert!(is_room_for(1 << 20));
        for too_many in [1 << 32, 1 << 50, u64::MAX] {
            assert!(!is_room_for(too_many), "{too_many}");
        }
    }

    #[test]
    fn releases_as_distributions_write_them() {
        assert_eq!(generation_of("6.1.0-41-amd64"), Generation::V6_1);
        assert_eq!(generation_of("6.12.57+deb13-amd64"), Generation::V6_12);
        assert_eq!(generation_of("6.18.44-fc-v669"), Generation::V6_18);
        assert_eq!(generation_of("2.6.34"), Generation::Textbook);
    }
}
