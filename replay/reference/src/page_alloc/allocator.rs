//! The page allocator of one machine.

use alloc::vec::Vec;

use super::{config::Config, counters::Counters, routes::Routes};
use crate::{
    Gfp, GfpTable, NodeId, ZoneId,
    gfp::gfp_zone,
    page::mem_map::MemMap,
    zone::{mmzone::Zone, zonelist::Zonelists},
};

/// The page allocator of one machine: zones, buddy lists and per-CPU lists. It is deterministic: the same calls give
/// the same frames.
pub struct PageAllocator {
    pub(crate) config: Config,
    pub(crate) map: MemMap,
    pub(crate) zones: Vec<Zone>,
    pub(crate) zonelists: Zonelists,
    pub(crate) counters: Counters,
    pub(super) nodes: u8,
    /// Whether the zone type DMA32 is configured, so that unmovable requests can use it instead of NORMAL.
    pub(super) has_dma32: bool,
    pub(crate) routes: Routes,
}

impl PageAllocator {
    /// The bytes of metadata per page frame.
    pub const METADATA_BYTES_PER_PAGE: usize = MemMap::BYTES_PER_FRAME;

    /// Returns the machine, generation and tunables.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Returns the table that gives masks their meaning in this allocator.
    pub const fn gfp(&self) -> &GfpTable {
        &self.config.gfp
    }

    /// Returns the mask of a GFP name in this allocator's numbering; an unknown name gives the empty mask.
    pub fn mask(&self, names: &str) -> Gfp {
        self.config.gfp.encode(names).map_or_else(|_| Gfp::default(), Gfp)
    }

    /// Returns the first zone of a request's zonelist, which serves the request as long as no zone runs low.
    pub fn preferred_zone(&self, gfp: Gfp, node: NodeId) -> Option<ZoneId> {
        let highest = gfp_zone(self.config.gfp.flags(gfp.0)).ok()?;
        self.zonelists.get(node.0, highest, 0).map(ZoneId)
    }
}
