//! The helpers of the tests write traces: a small one whose every statistic can be computed by hand, and a larger one
//! that looks like a real machine's.

use std::path::Path;

use trace::{
    Clock, FreeArea, GfpTable, Header, Kind, Ledger, NO_PFN, Options, PageEvent, SlabEvent, Symbol, Task, Tool, Writer,
    Zone,
};

pub const GFP_KERNEL: u32 = 0xcc0;
pub const GFP_USER_ZERO: u32 = 0x10_0dca;
pub const SECOND: u64 = 1_000_000_000;

pub fn header() -> Header {
    let flags = [
        ("GFP_HIGHUSER_MOVABLE", 0x10_0cca),
        ("GFP_KERNEL", 0xcc0),
        ("GFP_ATOMIC", 0x820),
        ("__GFP_DMA", 0x1),
        ("__GFP_HIGHMEM", 0x2),
        ("__GFP_DMA32", 0x4),
        ("__GFP_MOVABLE", 0x8),
        ("__GFP_RECLAIMABLE", 0x10),
        ("__GFP_HIGH", 0x20),
        ("__GFP_IO", 0x40),
        ("__GFP_FS", 0x80),
        ("__GFP_ZERO", 0x100),
        ("__GFP_DIRECT_RECLAIM", 0x400),
        ("__GFP_KSWAPD_RECLAIM", 0x800),
        ("__GFP_HARDWALL", 0x10_0000),
    ];
    let zone = |name: &str, start_pfn, spanned| Zone {
        node: 0,
        name: name.into(),
        start_pfn,
        spanned,
        present: spanned,
        managed: spanned,
    };
    Header {
        tool: Tool { name: "test".into(), version: "1".into(), command: vec!["test".into()] },
        host: "testhost".into(),
        kernel: "6.18.0-test".into(),
        architecture: "x86_64".into(),
        clock: Clock {
            name: "CLOCK_MONOTONIC".into(),
            utc_offset_ns: 1_767_225_600 * SECOND.cast_signed(),
            start_ns: 0,
            end_ns: 10 * SECOND,
        },
        cpu_node: vec![0, 0],
        zones: vec![zone("DMA32", 4096, 4096), zone("Normal", 8192, 1 << 20)],
        migratetypes: ["Unmovable", "Movable", "Reclaimable", "HighAtomic", "Isolate"].map(str::to_owned).to_vec(),
        gfp: GfpTable::new(flags.into_iter().map(|(name, mask)| (name.to_owned(), mask)).collect()),
        objects_are_physical: true,
        finished: Some("end of test".into()),
        ..Header::default()
    }
}

pub fn page(
    time: u64,
    kind: Kind,
    pfn: u64,
    order: u8,
    (gfp, migratetype): (u32, u8),
    (pid, cpu): (u32, u16),
) -> PageEvent {
    let zone = header().zone_of(pfn).map_or(trace::UNKNOWN_ZONE, |zone| zone as u8);
    PageEvent { time, pid, cpu, kind: kind as u8, order, pfn, gfp, migratetype, zone, stack: 0 }
}

pub fn alloc(time: u64, pfn: u64, order: u8, gfp: u32, migratetype: u8, pid: u32) -> PageEvent {
    page(time, Kind::PageAlloc, pfn, order, (gfp, migratetype), (pid, 0))
}

pub fn free(time: u64, pfn: u64, order: u8, pid: u32) -> PageEvent {
    page(time, Kind::PageFree, pfn, order, (0, u8::MAX), (pid, 1))
}

/// Writes a trace with batches of four rows, so that a few rows make several batches.
pub fn write(dir: &Path, header: &Header, tables: impl FnOnce(&mut Writer)) {
    let mut writer = Writer::create(dir, header, Options { batch_rows: 4, ..Options::default() }).unwrap();
    tables(&mut writer);
    writer.finish(header).unwrap();
}

/// Writes a trace of eleven page events and six slab events, which the comments explain.
#[allow(dead_code, reason = "not every test binary needs it")]
pub fn small(dir: &Path) {
    write(dir, &header(), |writer| {
        let pages = [
            alloc(100, 8192, 0, GFP_KERNEL, 0, 10),      // A: 1 page in Normal by `cat`
            alloc(200, 8448, 3, GFP_KERNEL, 0, 10),      // B: 8 pages, freed in parts
            alloc(300, 4096, 0, GFP_USER_ZERO, 1, 20),   // C: 1 page in DMA32 by `dd`
            alloc(400, NO_PFN, 4, GFP_KERNEL, 0, 10),    // fails
            free(500, 8192, 0, 20),                      // A ends: 400 ns
            free(600, 9000, 2, 20),                      // was allocated before the trace
            free(700, 8448, 2, 10),                      // first half of B
            alloc(800, 4096, 0, GFP_USER_ZERO, 1, 20),   // C again: its free was missed
            free(900, 8452, 2, 10),                      // second half of B
            alloc(1000, 10240, 9, GFP_USER_ZERO, 1, 20), // D: 2 MiB, live at the end
            free(1100, 4096, 0, 20),                     // the second C ends: 300 ns
        ];
        writer.append(&pages).unwrap();
        let slab = |time, kind: Kind, object, call_site, bytes_req, bytes_alloc| SlabEvent {
            time,
            pid: 10,
            cpu: 0,
            kind: kind as u8,
            object,
            call_site,
            bytes_req,
            bytes_alloc,
            gfp: if bytes_req > 0 { GFP_KERNEL } else { 0 },
            node: -1,
            cache: 0,
        };
        let objects = [
            slab(150, Kind::Kmalloc, 0x1000, 1, 100, 128),
            slab(160, Kind::Kmalloc, 0x2000, 2, 60, 64),
            slab(170, Kind::Kfree, 0x1000, 3, 0, 0),
            slab(180, Kind::Kfree, 0, 3, 0, 0),      // kfree(NULL)
            slab(190, Kind::Kfree, 0x9000, 3, 0, 0), // was allocated before the trace
            slab(195, Kind::Kmalloc, 0x3000, 4, 10, 16),
        ];
        writer.append(&objects).unwrap();
        let task = |pid, comm: &str| Task { time: 0, pid, tgid: pid, comm: comm.into(), cgroup: 0 };
        writer.append(&[task(10, "cat"), task(20, "dd")]).unwrap();
        let symbol = |id, function: &str, offset| Symbol {
            time: 0,
            id,
            function: function.into(),
            offset,
            module: String::new(),
        };
        writer
            .append(&[
                symbol(1, "alloc_pipe_info", 0x40),
                symbol(2, "load_elf_binary", 0x10),
                symbol(3, "kvfree", 8),
                symbol(4, "alloc_pipe_info", 0x90),
            ])
            .unwrap();
        let free_area =
            |time, snapshot, order, nr_free| FreeArea { time, snapshot, zone: 1, order, migratetype: 255, nr_free };
        let areas = (0..11)
            .map(|order| free_area(0, 0, order, [2, 1][usize::from(order > 0)]))
            .chain((0..11).map(|order| free_area(5 * SECOND, 1, order, 4)));
        writer.append(&areas.collect::<Vec<_>>()).unwrap();
        let ledger = |time, cpu, program: &str, [seen, written, dropped, filtered, missed]: [u64; 5]| Ledger {
            time,
            cpu,
            program: program.into(),
            seen,
            written,
            dropped,
            filtered,
            missed,
        };
        let rows = [
            ledger(50, 0, "page_alloc", [1, 1, 0, 0, 0]),
            ledger(1200, 0, "page_alloc", [9, 6, 2, 1, 0]),
            ledger(1200, 1, "page_free", [5, 5, 0, 0, 0]),
            ledger(1200, 0, "kmalloc", [3, 3, 0, 0, 0]),
            ledger(1200, 0, "kfree", [3, 3, 0, 0, 0]),
            ledger(1200, Ledger::ALL_CPUS, "page_free", [0, 0, 0, 0, 1]),
        ];
        writer.append(&rows).unwrap();
    });
}

/// Writes a trace of many events that looks like a machine at work. The same number of events always gives the same
/// trace.
#[allow(dead_code, reason = "not every test binary needs it")]
pub fn busy(dir: &Path, events: u64) {
    let header = header();
    let mut writer = Writer::create(dir, &header, Options { segment_bytes: 4 << 20, ..Options::default() }).unwrap();
    let mut random = Random(1);
    let mut live: Vec<(u64, u8)> = Vec::new();
    let mut used = std::collections::HashSet::new();
    let masks = [(GFP_KERNEL, 0), (GFP_USER_ZERO, 1), (0x10_0cca, 1), (0x820, 0), (0xcd0, 2)];
    let mut rows = Vec::new();
    let mut snapshot = 0;
    for i in 0..events {
        let time = i * (10 * SECOND / events);
        let pid = 100 + (random.next() % 9) as u32;
        if i.is_multiple_of((events / 10).max(1)) {
            let area = |zone, order: u8| FreeArea {
                time,
                snapshot,
                zone,
                order,
                migratetype: 255,
                nr_free: (4000 >> order) * (u64::from(zone) + 1) / (1 + u64::from(snapshot)),
            };
            writer.append(&(0..11).flat_map(|order| [area(0, order), area(1, order)]).collect::<Vec<_>>()).unwrap();
            snapshot += 1;
        }
        if random.next() % 100 < 52 || live.is_empty() {
            let order = [0, 0, 0, 0, 0, 0, 1, 2, 3, 9][(random.next() % 10) as usize];
            let zone = &header.zones[usize::from(!random.next().is_multiple_of(8))];
            let pfn = (zone.start_pfn + random.next() % zone.spanned) >> order << order;
            if (pfn..pfn + (1 << order)).any(|frame| used.contains(&frame)) {
                continue;
            }
            used.extend(pfn..pfn + (1 << order));
            live.push((pfn, order));
            let (gfp, migratetype) = masks[(random.next() % masks.len() as u64) as usize];
            rows.push(alloc(time, pfn, order, gfp, migratetype, pid));
        } else {
            let (pfn, order) = live.swap_remove((random.next() % live.len() as u64) as usize);
            (pfn..pfn + (1 << order)).for_each(|frame| {
                used.remove(&frame);
            });
            // The trace lacks one free in fifty.
            if !random.next().is_multiple_of(50) {
                rows.push(free(time, pfn, order, pid));
            }
        }
    }
    writer.append(&rows).unwrap();
    let tasks: Vec<_> = (100..109)
        .map(|pid| Task { time: 0, pid, tgid: pid, comm: format!("worker/{}", pid % 4), cgroup: 0 })
        .collect();
    writer.append(&tasks).unwrap();
    let (allocs, frees) = rows.iter().fold((0, 0), |(allocs, frees), row| {
        if row.kind == Kind::PageAlloc as u8 { (allocs + 1, frees) } else { (allocs, frees + 1) }
    });
    let ledger = |program: &str, count| Ledger {
        time: 10 * SECOND,
        cpu: 0,
        program: program.into(),
        seen: count,
        written: count,
        dropped: 0,
        filtered: 0,
        missed: 0,
    };
    writer.append(&[ledger("page_alloc", allocs), ledger("page_free", frees)]).unwrap();
    writer.finish(&header).unwrap();
}

/// The random numbers of xorshift64*, which are good enough for a workload, and the same on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11
    }
}
