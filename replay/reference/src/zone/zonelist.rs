//! Zonelists: the zones that a request may use, in the order in which it tries them.

use alloc::vec::Vec;

use crate::{Layout, ZONE_TYPES, ZoneType, zone::mmzone::Zone};

/// For every node and highest zone type, the zones from the first to the last resort.
pub(crate) struct Zonelists {
    lists: Vec<Vec<u8>>,
}

impl Zonelists {
    /// Builds the lists of all nodes. Each list holds the local node's zones from highest to lowest, then those of the
    /// other nodes by distance. Without a distance table the nodes follow each other in a ring, as they do in the
    /// kernel when all distances are equal. A zone without managed pages is left out. No list holds a zone above its
    /// highest zone type.
    pub(crate) fn build(layout: &Layout, zones: &[Zone]) -> Self {
        let nodes = layout.nodes();
        let mut lists = Vec::with_capacity(nodes * ZONE_TYPES);
        for local in 0..nodes {
            for highest in ZoneType::ALL {
                let mut list = Vec::new();
                for node in (0..nodes).map(|k| (local + k) % nodes) {
                    let of_node = |z: &&Zone| usize::from(z.node.0) == node && z.kind <= highest && z.managed > 0;
                    let mut members: Vec<&Zone> = zones.iter().filter(of_node).collect();
                    members.sort_by_key(|z| core::cmp::Reverse(z.kind));
                    list.extend(members.iter().map(|z| z.id));
                }
                lists.push(list);
            }
        }
        Self { lists }
    }

    #[inline]
    pub(crate) fn get(&self, node: u8, highest: ZoneType, position: usize) -> Option<u8> {
        self.list(node, highest).get(position).copied()
    }

    /// Returns the numbers of a list's zones, which are none for a node that does not exist.
    #[inline]
    pub(crate) fn list(&self, node: u8, highest: ZoneType) -> &[u8] {
        self.lists.get(usize::from(node) * ZONE_TYPES + highest.index()).map_or(&[], Vec::as_slice)
    }
}
