//! `/proc/buddyinfo` (`frag_show` in mm/vmstat.c), a line per populated zone:
//!
//! ```text
//! Node 0, zone   Normal      1     23     44     39     49     23      8      4      4      0     46
//! ```

/// Free blocks of one zone, by order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuddyInfo {
    /// NUMA node
    pub node: u16,
    /// zone name
    pub zone: String,
    /// free blocks of each order from 0 on
    pub nr_free: Vec<u64>,
}

impl BuddyInfo {
    /// Parses the whole file; `None` if a line looks different.
    pub fn parse(text: &str) -> Option<Vec<Self>> {
        text.lines().map(Self::line).collect()
    }

    fn line(line: &str) -> Option<Self> {
        let (node, rest) = line.strip_prefix("Node ")?.split_once(',')?;
        let mut words = rest.trim_start().strip_prefix("zone")?.split_whitespace();
        let zone = words.next()?.to_owned();
        Some(Self { node: node.trim().parse().ok()?, zone, nr_free: words.map(|word| word.parse().ok()).collect::<Option<_>>()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_zone_and_refuses_other_texts() {
        let text = "Node 0, zone      DMA      0      0      3 \nNode 1, zone   Normal      7     23     44\n";
        let zones = BuddyInfo::parse(text).unwrap();
        assert_eq!(zones[0], BuddyInfo { node: 0, zone: "DMA".into(), nr_free: vec![0, 0, 3] });
        assert_eq!((zones[1].node, zones[1].nr_free[2]), (1, 44));
        assert_eq!(BuddyInfo::parse("Node 0, zone DMA 1 x"), None);
    }
}
