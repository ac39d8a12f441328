//! What `perf kmem stat` prints, to the letter, with `LC_ALL=C`.

use std::fmt::Write as _;

use trace::GfpTable;

use super::{
    block::Block,
    objects::Objects,
    pages::Pages,
    site::{Site, fragmentation},
};
use crate::Names;

/// perf's names for the migratetypes, which have not been the kernel's since 3.x.
const MIGRATETYPES: [&str; 6] = ["UNMOVABL", "RECLAIM", "MOVABLE", "RESERVED", "CMA/ISLT", "UNKNOWN"];

/// perf's names for the migratetypes in its summary.
pub const PERF_MIGRATETYPES: [&str; 5] = ["Unmovable", "Reclaimable", "Movable", "Reserved", "CMA/Isolated"];

/// perf's abbreviations; what is not here it leaves out.
const ABBREVIATIONS: [(&str, &str); 36] = [
    ("GFP_TRANSHUGE", "THP"),
    ("GFP_TRANSHUGE_LIGHT", "THL"),
    ("GFP_HIGHUSER_MOVABLE", "HUM"),
    ("GFP_HIGHUSER", "HU"),
    ("GFP_USER", "U"),
    ("GFP_KERNEL_ACCOUNT", "KAC"),
    ("GFP_KERNEL", "K"),
    ("GFP_NOFS", "NF"),
    ("GFP_ATOMIC", "A"),
    ("GFP_NOIO", "NI"),
    ("GFP_NOWAIT", "NW"),
    ("GFP_DMA", "D"),
    ("__GFP_HIGHMEM", "HM"),
    ("GFP_DMA32", "D32"),
    ("__GFP_HIGH", "H"),
    ("__GFP_ATOMIC", "_A"),
    ("__GFP_IO", "I"),
    ("__GFP_FS", "F"),
    ("__GFP_NOWARN", "NWR"),
    ("__GFP_RETRY_MAYFAIL", "R"),
    ("__GFP_NOFAIL", "NF"),
    ("__GFP_NORETRY", "NR"),
    ("__GFP_COMP", "C"),
    ("__GFP_ZERO", "Z"),
    ("__GFP_NOMEMALLOC", "NMA"),
    ("__GFP_MEMALLOC", "MA"),
    ("__GFP_HARDWALL", "HW"),
    ("__GFP_THISNODE", "TN"),
    ("__GFP_RECLAIMABLE", "RC"),
    ("__GFP_MOVABLE", "M"),
    ("__GFP_ACCOUNT", "AC"),
    ("__GFP_WRITE", "WR"),
    ("__GFP_RECLAIM", "R"),
    ("__GFP_DIRECT_RECLAIM", "DR"),
    ("__GFP_KSWAPD_RECLAIM", "KR"),
    ("__GFP_COLD", "CO"),
];

/// The widest line that perf draws.
const RULE: &str =
    "---------------------------------------------------------------------------------------------------------";

/// Rows of a table, and whether some were left out.
type Rows<T> = (Vec<T>, bool);

fn abbreviate(gfp: &GfpTable, mask: u32) -> String {
    let names = gfp.decode(mask);
    let short = |name: &str| ABBREVIATIONS.iter().find(|(long, _)| *long == name).map(|(_, short)| *short);
    names.split('|').filter_map(short).collect::<Vec<_>>().join("|")
}

/// Writes the tables and the summary of `--slab`.
pub fn objects(
    objects: &Objects,
    callers: Option<&Rows<Site>>,
    pointers: Option<&Rows<Site>>,
    raw_ip: bool,
    names: &Names<'_>,
) -> String {
    let mut text = String::new();
    let caller = |site: &Site| {
        let known = if raw_ip { None } else { names.symbol(site.call_site) };
        known.map_or_else(
            || format!("{:#x}", site.call_site),
            |symbol| format!("{}+{:x}", symbol.function, symbol.offset),
        )
    };
    if let Some(rows) = callers {
        sites(&mut text, "Callsite", rows, caller);
    }
    if let Some(rows) = pointers {
        sites(
            &mut text,
            "Alloc Ptr",
            rows,
            |site| if site.ptr == 0 { "0".to_owned() } else { format!("{:#x}", site.ptr) },
        );
    }
    text += "\nSUMMARY (SLAB allocator)\n========================\n";
    let Objects { requested, allocated, freed, allocs, cross_node, .. } = objects;
    let _infallible = writeln!(
        text,
        "Total bytes requested: {requested}\nTotal bytes allocated: {allocated}\nTotal bytes freed:     {freed}"
    );
    if allocated > freed {
        let _infallible = writeln!(text, "Net total bytes allocated: {}", allocated - freed);
    }
    let _infallible =
        writeln!(text, "Total bytes wasted on internal fragmentation: {}", allocated.wrapping_sub(*requested));
    let _infallible = writeln!(text, "Internal fragmentation: {:.6}%", fragmentation(*requested, *allocated));
    let _infallible = writeln!(text, "Cross CPU allocations: {cross_node}/{allocs}");
    text
}

fn sites(text: &mut String, heading: &str, (rows, cut): &Rows<Site>, name: impl Fn(&Site) -> String) {
    let _infallible = writeln!(text, "{RULE}");
    let _infallible =
        writeln!(text, " {heading:<34} | Total_alloc/Per | Total_req/Per   | Hit      | Ping-pong | Frag");
    let _infallible = writeln!(text, "{RULE}");
    for site in rows {
        let (alloc, req) = (site.bytes_alloc / site.hit, site.bytes_req / site.hit);
        let _infallible = writeln!(
            text,
            " {:<34} | {:>9}/{alloc:<5} | {:>9}/{req:<5} | {:>8} | {:>9} | {:>6.3}%",
            name(site),
            site.bytes_alloc,
            site.bytes_req,
            site.hit,
            site.pingpong,
            site.fragmentation(),
        );
    }
    // A table without rows looks to perf as if it had been cut.
    if *cut || rows.is_empty() {
        *text +=
            " ...                                | ...             | ...             | ...      | ...       | ...   \n";
    }
    let _infallible = writeln!(text, "{RULE}");
}

/// Writes the tables and the summary of `--page`.
pub fn pages(pages: &Pages, callers: Option<&Rows<Block>>, blocks: Option<&Rows<Block>>, names: &Names<'_>) -> String {
    let mut text = String::new();
    let gfp = &names.header.gfp;
    let short: Vec<(u32, String)> = pages.masks.iter().map(|mask| (*mask, abbreviate(gfp, *mask))).collect();
    let width = short.iter().map(|(_, short)| short.len()).max().unwrap_or(0);
    if callers.is_some() || blocks.is_some() {
        text += "#\n# GFP flags\n# ---------\n";
        for (mask, short) in &short {
            let _infallible = writeln!(text, "# {mask:08x}: {short:>width$}: {}", gfp.decode(*mask));
        }
    }
    let width = width.max("GFP flags".len());
    let which = if pages.live_only { " Live" } else { "Total" };
    let row = |text: &mut String, block: &Block| {
        let caller = names
            .symbol(block.call_site)
            .map_or_else(|| format!("{:x}", block.call_site), |symbol| symbol.function.clone());
        let migratetype = MIGRATETYPES.get(usize::from(block.migratetype)).unwrap_or(&MIGRATETYPES[5]);
        let short = abbreviate(gfp, block.gfp);
        let Block { bytes, hit, order, .. } = block;
        let kib = bytes / 1024;
        let _infallible =
            writeln!(text, " {kib:>16} | {hit:>9} | {order:>5} | {migratetype:>8} | {short:<width$} | {caller}");
    };
    if let Some((rows, cut)) = callers {
        let _infallible = writeln!(text, "\n{RULE}");
        let _infallible =
            writeln!(text, " {which} alloc (KB) | Hits      | Order | Mig.type | {:<width$} | Callsite", "GFP flags");
        let _infallible = writeln!(text, "{RULE}");
        for block in rows {
            row(&mut text, block);
        }
        if *cut || rows.is_empty() {
            let _infallible =
                writeln!(text, " ...              | ...       | ...   | ...      | {:<width$} | ...", "...");
        }
        let _infallible = writeln!(text, "{RULE}");
    }
    if let Some((rows, cut)) = blocks {
        let _infallible = writeln!(text, "\n{RULE}");
        let _infallible = writeln!(
            text,
            " {:<16} | {which} alloc (KB) | Hits      | Order | Mig.type | {:<width$} | Callsite",
            "PFN", "GFP flags"
        );
        let _infallible = writeln!(text, "{RULE}");
        for block in rows {
            let _infallible = write!(text, " {:>16} |", block.page);
            row(&mut text, block);
        }
        if *cut || rows.is_empty() {
            let _infallible = writeln!(
                text,
                " ...              | ...              | ...       | ...   | ...      | {:<width$} | ...",
                "..."
            );
        }
        let _infallible = writeln!(text, "{RULE}");
    }
    summary(&mut text, pages);
    text
}

fn summary(text: &mut String, pages: &Pages) {
    *text += "\nSUMMARY (page allocator)\n========================\n";
    for (line, (what, sum)) in pages.lines().into_iter().enumerate() {
        let what = format!("T{}", &what[1..]);
        let _infallible = writeln!(text, "{what:<30}: {:>16}   [ {:>16} KB ]", sum.count, sum.bytes / 1024);
        if [1, 4, 5].contains(&line) {
            *text += "\n";
        }
    }
    let columns = PERF_MIGRATETYPES;
    let _infallible = write!(text, "{:>5}", "Order");
    for name in columns {
        let _infallible = write!(text, "  {name:>12}");
    }
    *text += "\n-----";
    *text += &"  ------------".repeat(columns.len());
    *text += "\n";
    for order in 0..11 {
        let _infallible = write!(text, "{order:>5}");
        for migratetype in 0..columns.len() as u8 {
            let count = pages.by_order.get(&(order, migratetype)).copied().unwrap_or(0);
            let shown = if count == 0 { ".".to_owned() } else { count.to_string() };
            let _infallible = write!(text, "  {shown:>12}");
        }
        *text += "\n";
    }
}
