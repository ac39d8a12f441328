//! The parser of `/proc/zoneinfo` (`zoneinfo_show_print` in mm/vmstat.c), which has a paragraph for each zone. The
//! items keep the kernel's names. Those of a pcp list are named `pagesets[CPU].count` and so on, and those of
//! `lowmem_reserve` are named `protection[ZONE]`.

/// The items of one zone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ZoneItems {
    /// The NUMA node of the zone.
    pub node: u16,
    /// The name of the zone.
    pub zone: String,
    /// The names and values of the items, in the kernel's order.
    pub items: Vec<(String, i64)>,
}

/// The parser of the file, for all zones of all nodes.
pub struct ZoneInfo;

impl ZoneInfo {
    /// Parses the whole file. Returns `None` if it has another layout.
    pub fn parse(text: &str) -> Option<Vec<ZoneItems>> {
        let mut zones: Vec<ZoneItems> = Vec::new();
        let (mut node_stats, mut cpu) = (false, None);
        for line in text.lines() {
            let line = line.trim();
            if let Some(rest) = line.strip_prefix("Node ") {
                let (node, zone) = rest.split_once(", zone")?;
                zones.push(ZoneItems { node: node.parse().ok()?, zone: zone.trim().to_owned(), items: Vec::new() });
                (node_stats, cpu) = (false, None);
                continue;
            }
            let items = &mut zones.last_mut()?.items;
            if line == "per-node stats" {
                node_stats = true;
            } else if let Some(free) = line.strip_prefix("pages free") {
                node_stats = false;
                items.push(("free".to_owned(), free.trim().parse().ok()?));
            } else if node_stats || line == "pagesets" || line.is_empty() {
                // The statistics of a node do not belong to a zone, although the kernel prints them in the paragraph of
                // the node's first zone.
            } else if let Some(list) = line.strip_prefix("protection: (") {
                let reserve = list.trim_end_matches(')').split(',').enumerate();
                for (zone, pages) in reserve {
                    items.push((format!("protection[{zone}]"), pages.trim().parse().ok()?));
                }
            } else {
                let (name, value) = line.rsplit_once(char::is_whitespace)?;
                let (name, value) = (name.trim().trim_end_matches(':'), value.parse().ok()?);
                match (name, cpu) {
                    ("cpu", _) => cpu = Some(value),
                    ("node_unreclaimable" | "start_pfn", _) | (_, None) => items.push((name.to_owned(), value)),
                    (_, Some(cpu)) => items.push((format!("pagesets[{cpu}].{}", name.replace(' ', "_")), value)),
                }
            }
        }
        Some(zones)
    }
}

impl ZoneItems {
    /// Returns the value of an item; 0 if the kernel does not print the item, as for zones without pages.
    pub fn get(&self, item: &str) -> u64 {
        self.items.iter().find(|(name, _)| name == item).map_or(0, |(_, value)| u64::try_from(*value).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Node 0, zone      DMA\n  per-node stats\n      nr_inactive_anon 1184993\n  pages free     3840\n        boost    0\n        min      18\n        spanned  4095\n        managed  3840\n        protection: (0, 3019, 5707)\n      nr_free_pages 3840\n  pagesets\n    cpu: 0\n              count:    5\n              high:     27\n  vm stats threshold: 4\n    cpu: 1\n              count:    6\n  vm stats threshold: 4\n  node_unreclaimable:  0\n  start_pfn:           1\nNode 1, zone  Movable\n  pages free     0\n        min      32\n        protection: (0, 0, 0)\n";

    #[test]
    fn reads_zones_pagesets_and_protection() {
        let zones = ZoneInfo::parse(TEXT).unwrap();
        assert_eq!(zones.len(), 2);
        let dma = &zones[0];
        assert_eq!((dma.get("free"), dma.get("min"), dma.get("start_pfn"), dma.get("spanned")), (3840, 18, 1, 4095));
        assert_eq!(
            (dma.get("protection[2]"), dma.get("pagesets[1].count"), dma.get("pagesets[0].high")),
            (5707, 6, 27)
        );
        assert_eq!(dma.get("nr_inactive_anon"), 0);
        assert_eq!((zones[1].node, zones[1].zone.as_str(), zones[1].get("min")), (1, "Movable", 32));
    }
}
