//! The page allocator of one machine.

use alloc::vec::Vec;

use super::{config::Config, counters::Counters, routes::Routes};
use crate::{
    Gfp, GfpTable, NodeId, ZoneId,
    gfp::gfp_zone,
    page::mem_map::MemMap,
    zone::{mmzone::Zone, zonelist::Zonelists},
};

/// The page allocator of one machine: zones, buddy lists, per-CPU lists. Deterministic: the same calls give the same
/// frames.
pub struct PageAllocator {
    pub(crate) config: Config,
    pub(crate) map: MemMap,
    pub(crate) zones: Vec<Zone>,
    pub(crate) zonelists: Zonelists,
    pub(crate) counters: Counters,
    pub(super) nodes: u8,
    /// DMA32 is configured: unmovable requests can spill into it.
    pub(super) has_dma32: bool,
    pub(crate) routes: Routes,
}

impl PageAllocator {
    /// Bytes of metadata per page frame.
    pub const METADATA_BYTES_PER_PAGE: usize = MemMap::BYTES_PER_FRAME;

    /// The machine, generation and tunables.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Decodes masks as this allocator understands them.
    pub const fn gfp(&self) -> &GfpTable {
        &self.config.gfp
    }

    /// Mask of a GFP name in this allocator's numbering; an unknown name is the empty mask.
    pub fn mask(&self, names: &str) -> Gfp {
        self.config.gfp.encode(names).map_or_else(|_| Gfp::default(), Gfp)
    }

    /// The first zone of a request's zonelist: where it goes as long as nothing runs low.
    pub fn preferred_zone(&self, gfp: Gfp, node: NodeId) -> Option<ZoneId> {
        let highest = gfp_zone(self.config.gfp.flags(gfp.0)).ok()?;
        self.zonelists.get(node.0, highest, 0).map(ZoneId)
    }
}
