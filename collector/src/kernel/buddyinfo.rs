//! The parser of `/proc/buddyinfo` (`frag_show` in mm/vmstat.c), which lists the free blocks of each populated zone, by
//! order.
//!
//! ```text
//! Node 0, zone   Normal      1     23     44     39     49     23      8      4      4      0     46
//! ```

/// The free blocks of one zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuddyInfo {
    /// The NUMA node of the zone.
    pub node: u16,
    /// The name of the zone.
    pub zone: String,
    /// The number of free blocks of each order, from 0 on.
    pub nr_free: Vec<u64>,
}

impl BuddyInfo {
    /// Parses the whole file. Returns `None` if a line has another layout.
    pub fn parse(text: &str) -> Option<Vec<Self>> {
        text.lines().map(Self::line).collect()
    }

    /// Returns the number of free pages of the zone.
    pub(crate) fn free_pages(&self) -> u64 {
        self.nr_free.iter().enumerate().map(|(order, blocks)| blocks << order).sum()
    }

    /// Returns the kernel's unusable free space index (`unusable_free_index` in mm/vmstat.c): the part of the free
    /// memory that lies in blocks too small for the order, in 1/1000. The index is 1000 if no memory is free.
    pub fn unusable(&self, order: usize) -> u64 {
        let (free, suitable) = (
            self.free_pages(),
            self.nr_free.iter().enumerate().skip(order).map(|(order, blocks)| blocks << order).sum::<u64>(),
        );
        ((free - suitable) * 1000).checked_div(free).unwrap_or(1000)
    }

    fn line(line: &str) -> Option<Self> {
        let (node, rest) = line.strip_prefix("Node ")?.split_once(',')?;
        let mut words = rest.trim_start().strip_prefix("zone")?.split_whitespace();
        let zone = words.next()?.to_owned();
        Some(Self {
            node: node.trim().parse().ok()?,
            zone,
            nr_free: words.map(|word| word.parse().ok()).collect::<Option<_>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The index equals the kernel's. The numbers are those that a 6.18 host showed at the same moment in
    /// `/proc/buddyinfo` and in `extfrag/unusable_index` of debugfs.
    #[test]
    fn the_unusable_index_is_the_kernels() {
        let text = "Node 0, zone      DMA      0      0      0      0      0      0      0      0      1      1      3\nNode 0, zone   Normal  25927  22421  16946   8274   3105   1173    426    327   1082    623    645\n";
        let zones = BuddyInfo::parse(text).unwrap();
        let index = |zone: &BuddyInfo| (0..11).map(|order| zone.unusable(order)).collect::<Vec<_>>();
        assert_eq!(index(&zones[0]), [0, 0, 0, 0, 0, 0, 0, 0, 0, 66, 200]);
        assert_eq!(index(&zones[1]), [0, 16, 43, 85, 126, 157, 180, 197, 223, 394, 591]);
        assert_eq!(BuddyInfo { node: 0, zone: "empty".into(), nr_free: vec![0; 11] }.unusable(0), 1000);
    }

    #[test]
    fn reads_every_zone_and_refuses_other_texts() {
        let text = "Node 0, zone      DMA      0      0      3 \nNode 1, zone   Normal      7     23     44\n";
        let zones = BuddyInfo::parse(text).unwrap();
        assert_eq!(zones[0], BuddyInfo { node: 0, zone: "DMA".into(), nr_free: vec![0, 0, 3] });
        assert_eq!((zones[1].node, zones[1].nr_free[2]), (1, 44));
        assert_eq!(BuddyInfo::parse("Node 0, zone DMA 1 x"), None);
    }
}
