//! This program writes a long trace without a recording: `synthetic DIR [EVENTS]`. The same number of events always
//! gives the same trace.
//!
//! The trace is that of a busy machine with 16 GiB of memory. Nine allocations in ten are of order 0. Most blocks are
//! freed soon, and their frames are allocated again at once, as from a pcp list. The other blocks are freed at random.
//! The live set is bounded by the machine's memory, for traces of any length.

use std::{env, error::Error, path::Path};

use trace::{Clock, GfpTable, Header, Kind, Ledger, NO_MIGRATETYPE, Options, PageEvent, Row, Task, Tool, Writer, Zone};

/// The time from one event to the next in ns, which makes half a million events a second.
const STEP: u64 = 2_000;
/// The number of the machine's page frames.
const FRAMES: u64 = 4 << 20;
/// The number of events in a thread's turn.
const TURN: u64 = 400;
const NAMES: [&str; 8] = ["cc1", "ld", "make", "sh", "kswapd0", "nginx", "postgres", "kworker/u4:1"];

const GFP_KERNEL: u32 = 0xcc0;
const GFP_HIGHUSER_MOVABLE: u32 = 0x10_0cca;
const GFP_ZERO: u32 = 0x100;
const GFP_ATOMIC: u32 = 0x820;
const GFP_ACCOUNT: u32 = 0x40_0000;

/// The requests: how many of a hundred, and their order, GFP mask and migratetype.
const REQUESTS: [(u64, u8, u32, u8); 8] = [
    (50, 0, GFP_HIGHUSER_MOVABLE | GFP_ZERO, 1),
    (20, 0, GFP_HIGHUSER_MOVABLE, 1),
    (12, 0, GFP_KERNEL | GFP_ACCOUNT, 0),
    (8, 0, GFP_ATOMIC, 0),
    (5, 1, GFP_KERNEL, 0),
    (2, 2, GFP_KERNEL | GFP_ACCOUNT, 2),
    (2, 3, GFP_KERNEL, 2),
    (1, 4, GFP_HIGHUSER_MOVABLE, 1),
];
/// The number of blocks of each order that the machine allocates from, which together are five eighths of its memory.
const BLOCKS: [u64; 5] = [1 << 20, 1 << 17, 1 << 16, 1 << 16, 1 << 15];

/// The free and the live blocks of the machine, by their first frame and order.
struct Machine {
    /// By order: the first frames of the free blocks, of which the last one is allocated next.
    free: [Vec<u64>; BLOCKS.len()],
    /// The first frame and the order of the youngest live blocks, most of which are freed soon.
    young: Vec<(u64, u8)>,
    /// The first frame and the order of the other live blocks.
    old: Vec<(u64, u8)>,
    random: Random,
}

impl Machine {
    fn new() -> Self {
        let mut start = FRAMES / 4;
        let mut free: [Vec<u64>; BLOCKS.len()] = Default::default();
        for (order, blocks) in BLOCKS.into_iter().enumerate() {
            free[order] = (0..blocks).rev().map(|block| start + (block << order)).collect();
            start += blocks << order;
        }
        Self { free, young: Vec::new(), old: Vec::new(), random: Random(0x2545_f491_4f6c_dd1d) }
    }

    /// Makes an allocation or a free at random, and fills in its columns of the event.
    fn step(&mut self, event: &mut PageEvent) {
        let live = self.young.len() + self.old.len();
        // From 700,000 live blocks on, more blocks are freed than allocated.
        let allocates = self.random.below(1000) < if live < 700_000 { 510 } else { 490 };
        let (order, gfp, migratetype) = self.request();
        match self.free[usize::from(order)].pop() {
            Some(pfn) if allocates || live == 0 => {
                self.young.push((pfn, order));
                *event = PageEvent { kind: Kind::PageAlloc as u8, pfn, order, gfp, migratetype, ..*event };
            }
            taken => {
                self.free[usize::from(order)].extend(taken);
                let (pfn, order) = self.leave();
                self.free[usize::from(order)].push(pfn);
                *event =
                    PageEvent { kind: Kind::PageFree as u8, pfn, order, gfp: 0, migratetype: NO_MIGRATETYPE, ..*event };
            }
        }
    }

    fn request(&mut self) -> (u8, u32, u8) {
        let mut at = self.random.below(100);
        for (share, order, gfp, migratetype) in REQUESTS {
            if at < share {
                return (order, gfp, migratetype);
            }
            at -= share;
        }
        unreachable!("the shares are a hundred together")
    }

    /// Takes a live block to be freed: in most cases one of the youngest, or else any other.
    fn leave(&mut self) -> (u64, u8) {
        while self.young.len() > 256 {
            let block = self.random.pick(&mut self.young);
            self.old.push(block);
        }
        let young = self.old.is_empty() || (!self.young.is_empty() && self.random.below(100) < 80);
        self.random.pick(if young { &mut self.young } else { &mut self.old })
    }
}

/// The random numbers of xorshift64*, which are good enough for a workload, and the same on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound
    }

    fn pick<T>(&mut self, from: &mut Vec<T>) -> T {
        let at = self.below(from.len() as u64) as usize;
        from.swap_remove(at)
    }
}

fn header(events: u64) -> Header {
    let flags = [
        ("GFP_HIGHUSER_MOVABLE", GFP_HIGHUSER_MOVABLE),
        ("GFP_KERNEL", GFP_KERNEL),
        ("GFP_ATOMIC", GFP_ATOMIC),
        ("__GFP_HIGHMEM", 0x2),
        ("__GFP_MOVABLE", 0x8),
        ("__GFP_HIGH", 0x20),
        ("__GFP_IO", 0x40),
        ("__GFP_FS", 0x80),
        ("__GFP_ZERO", GFP_ZERO),
        ("__GFP_DIRECT_RECLAIM", 0x400),
        ("__GFP_KSWAPD_RECLAIM", 0x800),
        ("__GFP_HARDWALL", 0x10_0000),
        ("__GFP_ACCOUNT", GFP_ACCOUNT),
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
        tool: Tool {
            name: "synthetic".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            command: env::args().collect(),
        },
        host: "nowhere".into(),
        kernel: "6.18.0".into(),
        architecture: "x86_64".into(),
        clock: Clock { name: "CLOCK_MONOTONIC".into(), utc_offset_ns: 0, start_ns: 0, end_ns: events * STEP },
        cpu_node: vec![0, 0],
        zones: vec![zone("DMA32", 0, FRAMES / 4), zone("Normal", FRAMES / 4, FRAMES)],
        migratetypes: ["Unmovable", "Movable", "Reclaimable", "HighAtomic", "Isolate"].map(str::to_owned).to_vec(),
        gfp: GfpTable::new(flags.into_iter().map(|(name, mask)| (name.to_owned(), mask)).collect()),
        objects_are_physical: true,
        finished: Some("as many events as were asked for".into()),
        ..Header::default()
    }
}

fn append<R: Row>(writer: &mut Writer, rows: &[R]) -> Result<(), trace::Error> {
    writer.append(rows).map_err(|(error, _rows)| error)
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().collect();
    let [_, dir, events @ ..] = &arguments[..] else { return Err("synthetic DIR [EVENTS]".into()) };
    let events: u64 = events.first().map_or(Ok(1_000_000), |events| events.parse())?;
    let (header, options) = (header(events), Options::default());
    let batch = options.batch_rows as u64;
    let mut writer = Writer::create(Path::new(dir), &header, options)?;
    let (mut machine, mut rows, mut tasks, mut counts) = (Machine::new(), Vec::new(), Vec::new(), [0_u64; 2]);
    for i in 0..events {
        // Eight threads take turns, and after 64 turns eight new threads take their places.
        let (turn, time) = (i / TURN, i * STEP);
        let first = 1000 + (turn / 64 * 8) as u32;
        if i % (64 * TURN) == 0 {
            let named = |(pid, comm): (u32, &str)| Task { time, pid, tgid: pid, comm: comm.into(), cgroup: 0 };
            tasks.extend((first..).zip(NAMES).map(named));
        }
        let pid = first + (turn % 8) as u32;
        let mut event = PageEvent {
            time,
            pid,
            cpu: (turn % 2) as u16,
            kind: 0,
            order: 0,
            pfn: 0,
            gfp: 0,
            migratetype: 0,
            zone: 1,
            stack: 0,
        };
        machine.step(&mut event);
        counts[usize::from(event.kind == Kind::PageFree as u8)] += 1;
        rows.push(event);
        if rows.len() as u64 == batch {
            append(&mut writer, &rows)?;
            rows.clear();
        }
    }
    append(&mut writer, &rows)?;
    append(&mut writer, &tasks)?;
    let account = |(program, count): (&str, u64)| Ledger {
        time: events * STEP,
        cpu: 0,
        program: program.into(),
        seen: count,
        written: count,
        dropped: 0,
        filtered: 0,
        missed: 0,
    };
    append(&mut writer, &[("page_alloc", counts[0]), ("page_free", counts[1])].map(account))?;
    Ok(writer.finish(&header)?)
}
