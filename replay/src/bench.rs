//! Cost of the reference allocator's operations.

use std::{hint::black_box, time::Instant};

use reference::{Address, Config, Cpu, Layout, Mm, NodeId, Order, PageAllocator, Pfn, Profile};
use serde::Serialize;

/// One measurement.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BenchRow {
    /// What was measured: `repeat` (allocate and free one block), `bulk_get`, `bulk_put` (a quarter of memory), `random_get`, `random_put`
    /// (free a random block, allocate another), `kmalloc` (allocate and free 64 bytes), `init` (whole machine, per page).
    pub name: &'static str,
    /// Block order; 0 where it means nothing.
    pub order: u8,
    /// Nanoseconds per operation.
    pub ns_per_op: f64,
}

/// Pages of the machine measured on: 4 GiB of NORMAL above the lower zones.
const PAGES: u64 = 2 << 20;
const CPU: Cpu = Cpu(0);
const NODE: NodeId = NodeId(0);
/// Operations per measurement of the short kind.
const REPEATS: u64 = 2_000_000;
/// The best of so many runs counts: others use the processor too.
const RUNS: u32 = 5;

/// Measures everything on one profile.
pub fn bench(profile: Profile) -> Vec<BenchRow> {
    let mut rows = Vec::new();
    for order in [0, 3, 9] {
        rows.push(repeat(profile, order));
        rows.extend(bulk(profile, order));
        rows.extend(random(profile, order));
    }
    rows.push(kmalloc(profile));
    rows.push(init(profile));
    rows
}

fn machine(profile: Profile) -> PageAllocator {
    PageAllocator::new(Config::new(Layout::x86_64(PAGES, 1), profile))
}

fn best(mut run: impl FnMut() -> f64) -> f64 {
    (0..RUNS).map(|_| run()).fold(f64::INFINITY, f64::min)
}

fn per_op(started: Instant, ops: u64) -> f64 {
    started.elapsed().as_nanos() as f64 / ops.max(1) as f64
}

fn get(mm: &mut PageAllocator, gfp: reference::Gfp, order: u8) -> Pfn {
    mm.alloc_pages(black_box(gfp), Order(order), CPU, NODE).expect("three quarters of memory are free")
}

fn put(mm: &mut PageAllocator, pfn: Pfn, order: u8) {
    mm.free_pages(black_box(pfn), Order(order), CPU).expect("allocated a moment ago");
}

fn repeat(profile: Profile, order: u8) -> BenchRow {
    let mut mm = machine(profile);
    let gfp = mm.mask("GFP_KERNEL");
    let ns_per_op = best(|| {
        let started = Instant::now();
        for _ in 0..REPEATS {
            let pfn = get(&mut mm, gfp, order);
            put(&mut mm, pfn, order);
        }
        per_op(started, REPEATS)
    });
    BenchRow { name: "repeat", order, ns_per_op }
}

fn bulk(profile: Profile, order: u8) -> [BenchRow; 2] {
    let mut mm = machine(profile);
    let gfp = mm.mask("GFP_KERNEL");
    let blocks = (PAGES / 4) >> order;
    let mut live = Vec::with_capacity(blocks as usize);
    let (mut gets, mut puts) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..RUNS {
        let started = Instant::now();
        live.extend((0..blocks).map(|_| get(&mut mm, gfp, order)));
        gets = gets.min(per_op(started, blocks));
        let started = Instant::now();
        for pfn in live.drain(..) {
            put(&mut mm, pfn, order);
        }
        puts = puts.min(per_op(started, blocks));
    }
    [BenchRow { name: "bulk_get", order, ns_per_op: gets }, BenchRow { name: "bulk_put", order, ns_per_op: puts }]
}

fn random(profile: Profile, order: u8) -> [BenchRow; 2] {
    let mut mm = machine(profile);
    let gfp = mm.mask("GFP_KERNEL");
    let blocks = (PAGES / 4) >> order;
    let mut live: Vec<Pfn> = (0..blocks).map(|_| get(&mut mm, gfp, order)).collect();
    let (mut gets, mut puts) = (f64::INFINITY, f64::INFINITY);
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let batch = (blocks / 4).max(1) as usize;
    for _ in 0..RUNS {
        for k in 0..batch {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            live.swap(k, (seed % blocks) as usize);
        }
        let started = Instant::now();
        for pfn in &live[..batch] {
            put(&mut mm, *pfn, order);
        }
        puts = puts.min(per_op(started, batch as u64));
        let started = Instant::now();
        for slot in &mut live[..batch] {
            *slot = get(&mut mm, gfp, order);
        }
        gets = gets.min(per_op(started, batch as u64));
    }
    [BenchRow { name: "random_get", order, ns_per_op: gets }, BenchRow { name: "random_put", order, ns_per_op: puts }]
}

fn kmalloc(profile: Profile) -> BenchRow {
    let mut mm = Mm::new(Config::new(Layout::x86_64(PAGES, 1), profile));
    let gfp = mm.mask("GFP_KERNEL");
    let ns_per_op = best(|| {
        let started = Instant::now();
        for _ in 0..REPEATS {
            let object: Address = mm.kmalloc(black_box(64), gfp, CPU).expect("memory is free");
            mm.kfree(Some(black_box(object)), CPU).expect("allocated a moment ago");
        }
        per_op(started, REPEATS)
    });
    BenchRow { name: "kmalloc", order: 0, ns_per_op }
}

fn init(profile: Profile) -> BenchRow {
    let pages = 64 << 30 >> 12;
    let ns_per_op = best(|| {
        let started = Instant::now();
        black_box(PageAllocator::new(Config::new(Layout::x86_64(pages, 1), profile)));
        per_op(started, pages)
    });
    BenchRow { name: "init", order: 0, ns_per_op }
}
