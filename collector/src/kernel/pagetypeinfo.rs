//! The parser of `/proc/pagetypeinfo` (`pagetypeinfo_show` in mm/vmstat.c), which lists the free blocks by migratetype,
//! and the number of pageblocks of each type.
//!
//! ```text
//! Page block order: 9
//! Pages per block:  512
//!
//! Free pages count per migrate type at order       0      1 …
//! Node    0, zone   Normal, type    Unmovable      1    210 …
//!
//! Number of blocks type     Unmovable      Movable  Reclaimable   HighAtomic      Isolate
//! Node 0, zone   Normal           35          336           13            0            0
//! ```
//!
//! The kernel stops counting a list at 100000 blocks and prints `>100000`, which is read as 100000.

/// The parsed file. Zones are in the kernel's order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PageTypeInfo {
    /// The order of a pageblock: log2 of its number of pages.
    pub pageblock_order: u8,
    /// The names of the migratetypes, by number.
    pub migratetypes: Vec<String>,
    /// The lists of free blocks: the node, the zone, the number of the migratetype, and the number of free blocks of
    /// each order.
    pub nr_free: Vec<(u16, String, usize, Vec<u64>)>,
    /// The pageblocks: the node, the zone, and the number of the zone's pageblocks of each migratetype.
    pub pageblocks: Vec<(u16, String, Vec<u64>)>,
}

impl PageTypeInfo {
    /// Parses the whole file. Returns `None` if it has another layout.
    pub fn parse(text: &str) -> Option<Self> {
        let mut info = Self::default();
        let header = text.lines().find_map(|line| line.strip_prefix("Number of blocks type"))?;
        info.migratetypes = header.split_whitespace().map(str::to_owned).collect();
        let mut counting_blocks = false;
        for line in text.lines() {
            if let Some(order) = line.strip_prefix("Page block order:") {
                info.pageblock_order = order.trim().parse().ok()?;
            } else if line.starts_with("Number of ") {
                // With page_owner, a second table, `Number of mixed blocks`, follows. It counts blocks with pages of
                // other types and is skipped.
                counting_blocks = line.starts_with("Number of blocks");
            } else if let Some(rest) = line.strip_prefix("Node") {
                let (node, rest) = rest.split_once(',')?;
                let node = node.trim().parse().ok()?;
                let rest = rest.trim_start().strip_prefix("zone")?;
                if let Some((zone, rest)) = rest.split_once(", type") {
                    let mut words = rest.split_whitespace();
                    let name = words.next()?;
                    let migratetype = info.migratetypes.iter().position(|known| known == name)?;
                    let counts = words.map(|word| word.trim_start_matches('>').parse().ok()).collect::<Option<_>>()?;
                    info.nr_free.push((node, zone.trim().to_owned(), migratetype, counts));
                } else if counting_blocks {
                    let mut words = rest.split_whitespace();
                    let zone = words.next()?.to_owned();
                    info.pageblocks.push((node, zone, words.map(|word| word.parse().ok()).collect::<Option<_>>()?));
                }
            }
        }
        Some(info)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Page block order: 9\nPages per block:  512\n\nFree pages count per migrate type at order       0      1\n\
        Node    0, zone   Normal, type    Unmovable      1    210\nNode    0, zone   Normal, type      Movable >100000      0\n\n\
        Number of blocks type     Unmovable      Movable\nNode 0, zone   Normal           35          336\n\
        Number of mixed blocks    Unmovable      Movable\nNode 0, zone   Normal           1          2\n";

    #[test]
    fn reads_lists_and_pageblocks() {
        let info = PageTypeInfo::parse(TEXT).unwrap();
        assert_eq!((info.pageblock_order, info.migratetypes.join(" ").as_str()), (9, "Unmovable Movable"));
        assert_eq!(info.nr_free[1], (0, "Normal".into(), 1, vec![100_000, 0]));
        assert_eq!(info.pageblocks, [(0, "Normal".into(), vec![35, 336])]);
    }
}
