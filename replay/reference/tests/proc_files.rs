//! The model prints /proc files as the kernel does: the numbers of four kernels' files are fed to it, and what it
//! prints must be those files, byte for byte. Counters of other subsystems, which the model does not have, are left out
//! of the kernel's zoneinfo first.

use std::{fs, path::Path};

use reference::{
    CacheStats, Config, Cpu, Generation, Layout, MAX_ORDER, Migratetype, NodeId, Order, PageAllocator, PcpSizes, Pfn,
    SlabSizes, Watermarks, ZONE_TYPES, ZoneId, ZoneSpec, ZoneType,
};

const KERNELS: [(&str, Generation); 4] = [
    ("6.1", Generation::V6_1),
    ("6.1-i386", Generation::V6_1),
    ("6.12", Generation::V6_12),
    ("6.18", Generation::V6_18),
];

fn kernel_file(kernel: &str, name: &str) -> String {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../trace/fixtures/kernel").join(kernel).join("proc").join(name);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn numbers(text: &str) -> Vec<u64> {
    text.split_whitespace().map(|n| n.trim_start_matches('>').parse().unwrap()).collect()
}

/// Node and zone of a line that begins with `Node 0, zone      DMA`, and the rest of it.
fn zone_of(line: &str) -> Option<(ZoneType, &str)> {
    let (_, rest) = line.strip_prefix("Node")?.split_once(", zone")?;
    let (name, rest) = rest.trim_start().split_once([' ', ',']).unwrap_or((rest.trim(), ""));
    Some((ZoneType::from_name(name)?, rest))
}

fn machine(kernel: &str, generation: Generation, zones: Vec<ZoneSpec>) -> PageAllocator {
    let mut layout = if kernel.ends_with("i386") { Layout::x86_32(1 << 20, 2) } else { Layout::x86_64(1 << 20, 2) };
    layout.zones = zones;
    PageAllocator::held(Config::new(layout, generation))
}

fn zone(kind: ZoneType, start_pfn: u64, [spanned, present, managed]: [u64; 3]) -> ZoneSpec {
    ZoneSpec { kind, node: NodeId(0), start_pfn, spanned, present, managed }
}

#[test]
fn buddyinfo() {
    for (kernel, generation) in KERNELS {
        let text = kernel_file(kernel, "buddyinfo");
        let rows: Vec<(ZoneType, Vec<u64>)> =
            text.lines().map(|l| zone_of(l).map(|(kind, rest)| (kind, numbers(rest))).unwrap()).collect();
        let room = 1 << 23;
        let zones = rows.iter().enumerate().map(|(n, (kind, _))| zone(*kind, n as u64 * room, [room; 3])).collect();
        let mut mm = machine(kernel, generation, zones);
        for (n, (_, counts)) in rows.iter().enumerate() {
            let mut at = n as u64 * room;
            for (order, count) in counts.iter().enumerate().rev() {
                for _ in 0..*count {
                    mm.seed_free_block(Pfn(at), Order(order as u8), Migratetype::Movable).unwrap();
                    at += 1 << order;
                }
            }
        }
        assert_eq!(mm.buddyinfo(), text, "{kernel}");
    }
}

#[test]
fn pagetypeinfo() {
    for (kernel, generation) in KERNELS {
        let text = kernel_file(kernel, "pagetypeinfo");
        let header = text.lines().find_map(|l| l.strip_prefix("Number of blocks type ")).unwrap();
        let types: Vec<Migratetype> =
            header.split_whitespace().map(|name| Migratetype::from_name(name).unwrap()).collect();
        let blocks: Vec<(ZoneType, Vec<u64>)> = text
            .lines()
            .skip_while(|l| !l.starts_with("Number of"))
            .filter_map(|l| zone_of(l).map(|(kind, rest)| (kind, numbers(rest))))
            .collect();
        let start = |n: usize| n as u64 * (1 << 23);
        let sized = |(n, (kind, blocks)): (usize, &(ZoneType, Vec<u64>))| {
            zone(*kind, start(n), [blocks.iter().sum::<u64>() << 9; 3])
        };
        let mut mm = machine(kernel, generation, blocks.iter().enumerate().map(sized).collect());
        for (n, (kind, counts)) in blocks.iter().enumerate() {
            let by_type = types.iter().zip(counts).flat_map(|(mt, count)| (0..*count).map(|_| *mt));
            for (k, mt) in by_type.enumerate() {
                mm.seed_pageblock(Pfn(start(n) + ((k as u64) << 9)), mt).unwrap();
            }
            let rows =
                text.lines().take_while(|l| !l.starts_with("Number of")).filter_map(zone_of).filter(|(k, _)| k == kind);
            let rows: Vec<(Migratetype, Vec<u64>)> = rows
                .map(|(_, rest)| rest.trim_start().strip_prefix("type").unwrap().trim_start().split_once(' ').unwrap())
                .map(|(mt, counts)| (Migratetype::from_name(mt).unwrap(), numbers(counts)))
                .collect();
            let mut at = start(n);
            for order in (0..=MAX_ORDER).rev() {
                for (mt, counts) in &rows {
                    for _ in 0..counts[usize::from(order)] {
                        mm.seed_free_block(Pfn(at), Order(order), *mt).unwrap();
                        at += 1 << order;
                    }
                }
            }
        }
        assert_eq!(mm.pagetypeinfo(), text, "{kernel}");
    }
}

/// The lines of a kernel's zoneinfo that are about the page allocator.
fn without_counters(text: &str) -> String {
    let counter = |line: &&str| {
        let ours = ["      nr_free_pages ", "      nr_free_pages_blocks "].iter().any(|name| line.starts_with(name));
        let indented = line.starts_with("      ") && !line.starts_with("        ");
        *line == "  per-node stats" || indented && !ours
    };
    text.lines().filter(|line| !counter(line)).flat_map(|line| [line, "\n"]).collect()
}

#[test]
fn zoneinfo() {
    for (kernel, generation) in KERNELS {
        let text = without_counters(&kernel_file(kernel, "zoneinfo"));
        let parts: Vec<&str> = text.split("Node ").skip(1).collect();
        let value =
            |part: &str, key: &str| part.lines().find_map(|l| l.trim().strip_prefix(key)?.trim().parse::<u64>().ok());
        let get = |part: &str, key: &str| value(part, key).unwrap_or_else(|| panic!("{kernel}: no {key} in {part}"));
        let kind = |part: &str| {
            ZoneType::from_name(part.lines().next().unwrap().split_once(", zone").unwrap().1.trim()).unwrap()
        };
        let populated: Vec<&str> = parts.iter().copied().filter(|part| get(part, "spanned ") > 0).collect();
        let sizes = |part: &&str| ["spanned ", "present ", "managed "].map(|key| get(part, key));
        let zones = populated.iter().map(|part| zone(kind(part), get(part, "start_pfn:"), sizes(part))).collect();
        let mut mm = machine(kernel, generation, zones);
        let configured: Vec<ZoneType> = parts.iter().map(|part| kind(part)).collect();
        for (n, part) in populated.iter().enumerate() {
            let id = ZoneId(n as u8);
            let [min, low, high] = ["min ", "low ", "high "].map(|key| get(part, key));
            mm.set_watermarks(id, Watermarks { min, low, high, promo: value(part, "promo ").unwrap_or(0) });
            let listed = part
                .lines()
                .find_map(|l| l.trim().strip_prefix("protection: (")?.strip_suffix(')'))
                .unwrap()
                .replace(',', "");
            let mut reserve = [0; ZONE_TYPES];
            for (kind, pages) in configured.iter().zip(numbers(&listed)) {
                reserve[kind.index()] = pages;
            }
            mm.set_lowmem_reserve(id, reserve);
            let formula = reference::pcp_sizes(get(part, "managed "), low, 2);
            let bound = |key, formula| value(part, key).map_or(formula, |n| n as u32);
            let sizes = PcpSizes {
                batch: get(part, "batch:") as u32,
                high_min: bound("high_min:", formula.high_min),
                high_max: bound("high_max:", formula.high_max),
            };
            mm.set_pcp_sizes(id, sizes);
            // 6.18 tells how many of the free pages lie in whole pageblocks; single pages go into what the whole ones
            // leave.
            let free = get(part, "pages free");
            let whole = value(part, "nr_free_pages_blocks ").unwrap_or(free & !511);
            let start = get(part, "start_pfn:");
            for block in 0..whole >> 9 {
                mm.seed_free_block(Pfn(start.next_multiple_of(512) + (block << 9)), Order(9), Migratetype::Movable)
                    .unwrap();
            }
            let mut at = start;
            let mut next_held = |mm: &PageAllocator| {
                while !mm.is_held(Pfn(at), Order(0)) {
                    at += 1;
                }
                Pfn(at)
            };
            for _ in 0..free - whole {
                let page = next_held(&mm);
                mm.seed_free_block(page, Order(0), Migratetype::Movable).unwrap();
            }
            for (cpu, lists) in part.split("    cpu: ").skip(1).enumerate() {
                let cpu = Cpu(cpu as u16);
                mm.seed_pcp_high(id, cpu, get(lists, "high:") as u32);
                for _ in 0..get(lists, "count:") {
                    let page = next_held(&mm);
                    mm.seed_pcp_block(page, Order(0), Migratetype::Movable, cpu).unwrap();
                }
            }
        }
        assert_eq!(mm.zoneinfo(), text, "{kernel}");
    }
}

#[test]
fn slabinfo() {
    for (kernel, generation) in KERNELS {
        let text = kernel_file(kernel, "slabinfo");
        let ours = reference::SlabAllocator::new(generation, 2, 1).slabinfo();
        let heading = |text: &str| text.lines().take(2).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(heading(&ours), heading(&text), "{kernel}");
        for line in text.lines().skip(2) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let n = |k: usize| fields[k].parse::<u64>().unwrap();
            let sizes = SlabSizes {
                size: n(3) as u32,
                order: n(5).trailing_zeros() as u8,
                objects: n(4) as u32,
                min_partial: 0,
                cpu_partial: 0,
                cpu_partial_slabs: 0,
            };
            let stats = CacheStats {
                names: vec![fields[0].to_owned()],
                active_objects: n(1),
                objects: n(2),
                object_size: sizes.size,
                sizes,
                slabs: n(14),
                partial: 0,
                empty: 0,
                grown: 0,
                shrunk: 0,
            };
            assert_eq!(stats.to_string(), line, "{kernel}");
        }
    }
}
