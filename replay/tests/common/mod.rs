//! The machine of the synthetic traces.

use trace::{Clock, GfpTable, Header, Tool, Zone};

/// Returns a zone without holes.
pub fn zone(name: &str, start_pfn: u64, spanned: u64) -> Zone {
    Zone { node: 0, name: name.to_owned(), start_pfn, spanned, present: spanned, managed: spanned }
}

/// Returns the header of a 6.18 machine with one node.
pub fn header(cpus: usize, end_ns: u64, zones: Vec<Zone>) -> Header {
    Header {
        tool: Tool { name: "test".to_owned(), version: String::new(), command: vec![] },
        host: "made up".to_owned(),
        kernel: "6.18.0".to_owned(),
        architecture: "x86_64".to_owned(),
        clock: Clock { name: "CLOCK_MONOTONIC".to_owned(), utc_offset_ns: 0, start_ns: 0, end_ns },
        cpu_node: vec![0; cpus],
        zones,
        migratetypes: ["Unmovable", "Movable", "Reclaimable", "HighAtomic", "Isolate"].map(str::to_owned).to_vec(),
        gfp: GfpTable::new(vec![
            ("GFP_HIGHUSER_MOVABLE".into(), 0xcc8),
            ("GFP_KERNEL".into(), 0xcc0),
            ("__GFP_DMA32".into(), 4),
            ("__GFP_MOVABLE".into(), 8),
            ("__GFP_HIGH".into(), 0x20),
            ("__GFP_DIRECT_RECLAIM".into(), 0x400),
            ("__GFP_KSWAPD_RECLAIM".into(), 0x800),
        ]),
        objects_are_physical: true,
        finished: Some("test".to_owned()),
        ..Header::default()
    }
}
