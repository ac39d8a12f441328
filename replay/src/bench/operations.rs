//! The cost of the reference allocator's operations.

use std::{hint::black_box, time::Instant};

use reference::{Address, Config, Cpu, Generation, Gfp, Layout, Mm, NodeId, Order, PageAllocator, Pfn, ZoneType};
use serde::Serialize;

use super::random::Random;

/// One measurement.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BenchRow {
    /// The name of the measurement. Measurements on half of memory: `repeat` (with half of it allocated, allocate one
    /// block and free it), `bulk_get` and `bulk_put` (allocate all blocks, free them last to first), `random_get` and
    /// `random_put` (allocate all blocks, free them in random order). `kmalloc` allocates and frees 64 bytes. `init`
    /// sets up a machine of 64 GiB, per page.
    pub name: &'static str,
    /// The order of the blocks; 0 if the measurement has no order.
    pub order: u8,
    /// The time per operation, in ns.
    pub ns_per_op: f64,
}

/// The first frame of the machine that is measured.
const START: u64 = 1 << 20;
/// The number of pages of the machine: 4 GiB of NORMAL.
const PAGES: u64 = 1 << 20;
const HALF: u64 = PAGES / 2;
const CPU: Cpu = Cpu(0);
const NODE: NodeId = NodeId(0);
/// The number of operations per short measurement. It takes a millisecond or two, which is less than the time slice
/// that a program usually gets.
const REPEATS: u64 = 100_000;
/// The number of short measurements, of which the fastest counts, because other programs use the processor too.
const SLICES: u32 = 200;
/// The number of long measurements, of which the fastest counts.
const RUNS: u32 = 9;

/// Measures all operations on one generation. The first rows are those of `LLFree`'s own benchmark, measured as it
/// measures them.
pub fn bench(generation: Generation) -> Vec<BenchRow> {
    let mut rows = Vec::new();
    for order in [0, 3, 9] {
        rows.push(repeat(generation, order));
        rows.extend(bulk_and_random(generation, order));
    }
    rows.push(kmalloc(generation));
    rows.push(init(generation));
    rows
}

fn config(generation: Generation) -> Config {
    let mut layout = Layout::x86_64(START + PAGES, 1);
    layout.zones.retain(|zone| zone.kind == ZoneType::Normal);
    Config::new(layout, generation)
}

fn best(times: u32, mut run: impl FnMut() -> f64) -> f64 {
    (0..times).map(|_| run()).fold(f64::INFINITY, f64::min)
}

fn per_op(started: Instant, ops: u64) -> f64 {
    started.elapsed().as_nanos() as f64 / ops.max(1) as f64
}

#[expect(clippy::inline_always, reason = "what is measured is the allocator, not a call in front of it")]
#[inline(always)]
fn get(mm: &mut PageAllocator, gfp: Gfp, order: u8) -> Pfn {
    mm.alloc_pages(black_box(gfp), Order(order), CPU, NODE).expect("half of memory is free")
}

#[expect(clippy::inline_always, reason = "what is measured is the allocator, not a call in front of it")]
#[inline(always)]
fn put(mm: &mut PageAllocator, pfn: Pfn, order: u8) {
    mm.free_pages(black_box(pfn), Order(order), CPU).expect("allocated a moment ago");
}

fn repeat(generation: Generation, order: u8) -> BenchRow {
    let mut mm = PageAllocator::new(config(generation));
    let gfp = mm.mask("GFP_KERNEL");
    for _ in 0..HALF >> order {
        get(&mut mm, gfp, order);
    }
    let ns_per_op = best(SLICES, || {
        let started = Instant::now();
        for _ in 0..REPEATS {
            let pfn = get(&mut mm, gfp, order);
            put(&mut mm, pfn, order);
        }
        per_op(started, REPEATS)
    });
    BenchRow { name: "repeat", order, ns_per_op }
}

fn bulk_and_random(generation: Generation, order: u8) -> [BenchRow; 4] {
    let mut mm = PageAllocator::new(config(generation));
    let gfp = mm.mask("GFP_KERNEL");
    let blocks = HALF >> order;
    let mut live = Vec::with_capacity(blocks as usize);
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut run = |shuffled: bool| {
        let (mut gets, mut puts) = (f64::INFINITY, f64::INFINITY);
        for _ in 0..RUNS {
            let started = Instant::now();
            live.extend((0..blocks).map(|_| get(&mut mm, gfp, order)));
            gets = gets.min(per_op(started, blocks));
            if shuffled {
                random.shuffle(&mut live);
            }
            let started = Instant::now();
            while let Some(pfn) = live.pop() {
                put(&mut mm, pfn, order);
            }
            puts = puts.min(per_op(started, blocks));
        }
        (gets, puts)
    };
    let (bulk_get, bulk_put) = run(false);
    let (random_get, random_put) = run(true);
    let row = |(name, ns_per_op)| BenchRow { name, order, ns_per_op };
    [("bulk_get", bulk_get), ("bulk_put", bulk_put), ("random_get", random_get), ("random_put", random_put)].map(row)
}

fn kmalloc(generation: Generation) -> BenchRow {
    let mut mm = Mm::new(config(generation));
    let gfp = mm.mask("GFP_KERNEL");
    let ns_per_op = best(SLICES, || {
        let started = Instant::now();
        for _ in 0..REPEATS {
            let object: Address = mm.kmalloc(black_box(64), gfp, CPU).expect("memory is free");
            mm.kfree(Some(black_box(object)), CPU).expect("allocated a moment ago");
        }
        per_op(started, REPEATS)
    });
    BenchRow { name: "kmalloc", order: 0, ns_per_op }
}

fn init(generation: Generation) -> BenchRow {
    let pages = 64 << 30 >> 12;
    let ns_per_op = best(RUNS, || {
        let started = Instant::now();
        black_box(PageAllocator::new(Config::new(Layout::x86_64(pages, 1), generation)));
        per_op(started, pages)
    });
    BenchRow { name: "init", order: 0, ns_per_op }
}
