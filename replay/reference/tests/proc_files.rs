//! The model prints /proc files as the kernel does: the model is given the numbers of four kernels' files, and must
//! print these files, byte for byte. Counters of other subsystems, which the model does not have, are removed from the
//! kernel's zoneinfo first.

use std::{fs, ops::Range, path::Path};

use reference::{
    CacheStats, Config, Cpu, FrameState, Generation, Layout, MAX_ORDER, Migratetype, NodeId, Order, PageAllocator,
    PcpSizes, Pfn, SlabSizes, Watermarks, ZONE_TYPES, ZoneId, ZoneSpec, ZoneType,
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

/// Returns the zone of a line that begins with `Node 0, zone      DMA`, and the rest of the line.
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

/// Puts free blocks of one order on the list of a type, in held memory of a zone: in pageblocks of that type as long as
/// there is room, then in any. No block is put beside a free buddy of its order, since the two would have merged.
fn seed_blocks(
    mm: &mut PageAllocator,
    zone: &Range<u64>,
    order: u8,
    mt: Migratetype,
    count: u64,
    types: &[Migratetype],
) {
    let mut left = count;
    let pages = 1 << order;
    for own_type in [true, false] {
        let mut at = zone.start.next_multiple_of(pages);
        while left > 0 && at + pages <= zone.end {
            let blocks = (at >> 9) - (zone.start >> 9)..=((at + pages - 1) >> 9) - (zone.start >> 9);
            let is_of_type = blocks.into_iter().all(|block| types[block as usize] == mt);
            let (pfn, buddy) = (Pfn(at), Pfn(at ^ pages));
            let beside_buddy = order < MAX_ORDER
                && matches!(mm.frame(buddy), FrameState::Free { head, order: o, .. } if head == buddy && o.0 == order);
            if is_of_type == own_type && !beside_buddy && mm.is_held(pfn, Order(order)) {
                mm.seed_free_block(pfn, Order(order), mt).unwrap();
                left -= 1;
            }
            at += pages;
        }
    }
    assert_eq!(left, 0, "blocks of order {order}, {}, find no place", mt.name());
}

#[test]
fn buddyinfo() {
    for (kernel, generation) in KERNELS {
        let text = kernel_file(kernel, "buddyinfo");
        let rows: Vec<(ZoneType, Vec<u64>)> =
            text.lines().map(|l| zone_of(l).map(|(kind, rest)| (kind, numbers(rest))).unwrap()).collect();
        // Only the counts matter here, so each zone gets enough room to keep its free blocks apart.
        let pages = |counts: &[u64]| counts.iter().enumerate().map(|(order, n)| n << (order + 1)).sum::<u64>();
        let room = rows.iter().map(|(_, counts)| pages(counts)).max().unwrap().next_multiple_of(1 << MAX_ORDER);
        let zones = rows.iter().enumerate().map(|(n, (kind, _))| zone(*kind, n as u64 * room, [room; 3])).collect();
        let mut mm = machine(kernel, generation, zones);
        for (n, (_, counts)) in rows.iter().enumerate() {
            let zone = n as u64 * room..(n as u64 + 1) * room;
            let types = vec![Migratetype::Movable; (room >> 9) as usize];
            for (order, count) in counts.iter().enumerate().rev() {
                seed_blocks(&mut mm, &zone, order as u8, Migratetype::Movable, *count, &types);
            }
        }
        assert_eq!(mm.buddyinfo(), text, "{kernel}");
        mm.validate().unwrap();
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
            let by_type: Vec<Migratetype> =
                types.iter().zip(counts).flat_map(|(mt, count)| (0..*count).map(|_| *mt)).collect();
            for (k, mt) in by_type.iter().enumerate() {
                mm.seed_pageblock(Pfn(start(n) + ((k as u64) << 9)), *mt).unwrap();
            }
            let rows =
                text.lines().take_while(|l| !l.starts_with("Number of")).filter_map(zone_of).filter(|(k, _)| k == kind);
            let rows: Vec<(Migratetype, Vec<u64>)> = rows
                .map(|(_, rest)| rest.trim_start().strip_prefix("type").unwrap().trim_start().split_once(' ').unwrap())
                .map(|(mt, counts)| (Migratetype::from_name(mt).unwrap(), numbers(counts)))
                .collect();
            let zone = start(n)..start(n) + ((by_type.len() as u64) << 9);
            for order in (0..=MAX_ORDER).rev() {
                for (mt, counts) in &rows {
                    seed_blocks(&mut mm, &zone, order, *mt, counts[usize::from(order)], &by_type);
                }
            }
        }
        assert_eq!(mm.pagetypeinfo(), text, "{kernel}");
        mm.validate().unwrap();
    }
}

/// Returns the lines of a kernel's zoneinfo that are about the page allocator.
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
            mm.set_watermarks(id, Watermarks { min, low, high, promo: value(part, "promo ").unwrap_or(high) });
            let listed = part
                .lines()
                .find_map(|l| l.trim().strip_prefix("protection: (")?.strip_suffix(')'))
                .unwrap()
                .replace(',', "");
            let mut reserve = [0; ZONE_TYPES];
            for (kind, pages) in configured.iter().zip(numbers(&listed)) {
                reserve[kind.index()] = pages;
            }
            // The column of a zone type that the kernel lacks has the value of the type below it.
            for kind in ZoneType::ALL.into_iter().filter(|kind| *kind != ZoneType::Dma && !configured.contains(kind)) {
                reserve[kind.index()] = reserve[kind.index() - 1];
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
            // 6.18 prints how many of the free pages are in whole pageblocks; the others go between the whole ones.
            let free = get(part, "pages free");
            let whole = value(part, "nr_free_pages_blocks ").unwrap_or(free & !511);
            let start = get(part, "start_pfn:");
            let zone = start..start + get(part, "spanned ");
            let types = vec![Migratetype::Movable; (get(part, "spanned ") >> 9) as usize + 2];
            let mut put = |order: u8, count| seed_blocks(&mut mm, &zone, order, Migratetype::Movable, count, &types);
            put(10, whole >> 10);
            put(9, whole >> 9 & 1);
            // No pageblock has more than one free block of an order, so none is wholly free.
            let rest = free - whole;
            let (full, last) = (rest / 511, rest % 511);
            for order in (0..9).rev() {
                put(order, full + (last >> order & 1));
            }
            let mut at = start;
            let mut next_held = |mm: &PageAllocator| {
                while !mm.is_held(Pfn(at), Order(0)) {
                    at += 1;
                }
                Pfn(at)
            };
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
        mm.validate().unwrap();
    }
}

#[test]
fn slabinfo() {
    for (kernel, generation) in KERNELS {
        let text = kernel_file(kernel, "slabinfo");
        let slab = reference::SlabAllocator::new(generation, 2, 1);
        slab.validate(&PageAllocator::held(Config::new(Layout::x86_64(1 << 16, 2), generation))).unwrap();
        let ours = slab.slabinfo();
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
