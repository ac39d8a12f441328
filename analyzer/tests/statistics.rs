//! These tests compare every number of a small trace with numbers computed by hand.

mod common;

use std::{collections::BTreeMap, path::Path};

use analyzer::{Counts, Events, Key, Loss, Window, batches::silent, stat, summary::Summary};
use trace::{FrameRun, GfpTable, Kind, NO_PFN, Options, PageEvent, Row as _, SlabEvent, Task, Trace, Writer};

fn by(events: Events, keys: &[Key]) -> BTreeMap<Vec<String>, Counts> {
    let dir = tempfile::tempdir().unwrap();
    common::small(&dir.path().join("t"));
    let trace = Trace::open(&dir.path().join("t")).unwrap();
    let (stat, loss) = stat::read(&trace, events, keys, &silent).unwrap();
    assert_eq!(loss.problems, []);
    stat.groups
        .into_iter()
        .map(|group| (group.values.into_iter().map(|(_, name)| name).collect(), group.counts))
        .collect()
}

fn key(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

const PAGE: i64 = 4096;

#[test]
fn all_pages_together() {
    let all = by(Events::Page, &[]);
    let counts = all[&key(&[])];
    let expected = Counts {
        allocs: 5,
        frees: 5,
        alloc_bytes: (1 + 8 + 1 + 1 + 512) * PAGE,
        requested_bytes: (1 + 8 + 1 + 1 + 512) * PAGE,
        // The frees are those of A, of an unmatched block of order 2, of both halves of B, and of the second C.
        free_bytes: (1 + 4 + 4 + 4 + 1) * PAGE,
        failures: 1,
        unmatched_frees: 1,
        implied_frees: 1,
        refusals: 0,
        null_frees: 0,
        live: 512 * PAGE,
        peak_live: (1 + 512) * PAGE,
    };
    assert_eq!(counts, expected);
}

#[test]
fn a_free_belongs_to_the_order_and_mask_of_its_allocation() {
    let orders = by(Events::Page, &[Key::Order]);
    // B was freed in two parts of order 2. Both count as frees of an allocation of order 3.
    assert_eq!(
        (orders[&key(&["3"])].frees, orders[&key(&["3"])].live, orders[&key(&["3"])].peak_live),
        (2, 0, 8 * PAGE)
    );
    assert_eq!((orders[&key(&["2"])].frees, orders[&key(&["2"])].unmatched_frees), (1, 1));
    assert_eq!((orders[&key(&["4"])].allocs, orders[&key(&["4"])].failures), (0, 1));
    let masks = by(Events::Page, &[Key::Gfp, Key::Migratetype]);
    let user = masks[&key(&["GFP_HIGHUSER_MOVABLE|__GFP_ZERO", "Movable"])];
    assert_eq!((user.allocs, user.frees, user.implied_frees, user.live), (3, 1, 1, 512 * PAGE));
    let kernel = masks[&key(&["GFP_KERNEL", "Unmovable"])];
    assert_eq!((kernel.allocs, kernel.frees, kernel.failures, kernel.live, kernel.peak_live), (2, 3, 1, 0, 9 * PAGE));
    assert_eq!(masks[&key(&["-", "-"])].unmatched_frees, 1);
    assert_eq!(masks.len(), 3);
}

#[test]
fn processes_own_what_they_allocated_whoever_frees_it() {
    let names = by(Events::Page, &[Key::Comm]);
    // A was allocated by `cat` and freed by `dd`.
    assert_eq!((names[&key(&["cat"])].allocs, names[&key(&["cat"])].frees), (2, 3));
    assert_eq!((names[&key(&["dd"])].allocs, names[&key(&["dd"])].frees), (3, 1));
}

#[test]
fn an_allocation_counts_for_each_bit_of_its_mask() {
    let flags = by(Events::Page, &[Key::Flag]);
    assert_eq!(flags[&key(&["__GFP_IO"])].allocs, 5, "all have it");
    assert_eq!(flags[&key(&["__GFP_ZERO"])].allocs, 3);
    assert_eq!(
        (flags[&key(&["__GFP_MOVABLE"])].live, flags[&key(&["__GFP_MOVABLE"])].peak_live),
        (512 * PAGE, 513 * PAGE)
    );
    assert_eq!(flags[&key(&["-"])].unmatched_frees, 1);
    assert!(!flags.contains_key(&key(&["__GFP_DMA"])));
}

#[test]
fn zones_and_kinds() {
    let zones = by(Events::Page, &[Key::Zone, Key::Kind]);
    assert_eq!(zones[&key(&["DMA32", "page_alloc"])].allocs, 2);
    assert_eq!(zones[&key(&["DMA32", "page_free"])].frees, 1);
    assert_eq!(zones[&key(&["Normal", "page_free"])].frees, 4);
    assert_eq!(zones[&key(&["unknown", "page_alloc"])].failures, 1);
}

#[test]
fn objects_know_their_size_when_they_are_freed() {
    let all = by(Events::Slab, &[]);
    let counts = all[&key(&[])];
    assert_eq!(
        (counts.allocs, counts.frees, counts.unmatched_frees, counts.null_frees),
        (3, 2, 1, 1),
        "kfree(NULL) frees nothing"
    );
    assert_eq!((counts.requested_bytes, counts.alloc_bytes, counts.free_bytes), (170, 208, 128));
    assert_eq!((counts.live, counts.peak_live), (80, 192));
    let functions = by(Events::Slab, &[Key::Function]);
    assert_eq!(
        (functions[&key(&["alloc_pipe_info"])].allocs, functions[&key(&["alloc_pipe_info"])].frees),
        (2, 1),
        "both call sites of the function"
    );
    let callsites = by(Events::Slab, &[Key::Callsite]);
    assert_eq!(callsites[&key(&["alloc_pipe_info+0x40"])].live, 0);
    assert_eq!(callsites[&key(&["alloc_pipe_info+0x90"])].live, 16);
}

#[test]
fn a_key_that_the_events_lack_is_refused_with_advice() {
    let dir = tempfile::tempdir().unwrap();
    common::small(&dir.path().join("t"));
    let trace = Trace::open(&dir.path().join("t")).unwrap();
    let refused = |events, key| stat::read(&trace, events, &[key], &silent).unwrap_err().to_string();
    assert!(refused(Events::Page, Key::Callsite).contains("add --slab"));
    assert!(refused(Events::Slab, Key::Zone).contains("leave out --slab"));
}

#[test]
fn lifetimes_rates_and_snapshots() {
    let dir = tempfile::tempdir().unwrap();
    common::small(&dir.path().join("t"));
    let trace = Trace::open(&dir.path().join("t")).unwrap();
    let summary = Summary::read(&trace, &silent).unwrap();
    let order = |order: i64| summary.lifetimes.iter().find(|lifetime| lifetime.number == order).unwrap();
    // A lived for 400 ns, and the second C for 300 ns. A bucket of the histogram is at most 3.1 % wide.
    assert_eq!((order(0).freed.count, order(0).freed.longest), (2, 400));
    assert!((300..=309).contains(&order(0).freed.percentile(0.5).unwrap()));
    assert_eq!(order(3).freed.count, 2);
    assert_eq!((order(9).freed.count, order(9).live.count, order(9).live.longest), (0, 1, 10 * common::SECOND - 1000));
    let allocated: u64 = summary.rates.zones.values().flatten().sum();
    assert_eq!(allocated, 523 * 4096);
    let live: i64 = summary.rates.live().map(|(_zone, bytes)| *bytes.last().unwrap()).sum();
    assert_eq!(live, summary.pages.groups[0].counts.live, "what is live in the last interval is live at the end");
    assert_eq!(summary.snapshots.len(), 2);
    assert_eq!(
        summary.snapshots[0].free_pages(),
        2 + (2..=1024).step_by(2).filter(|pages: &u64| pages.is_power_of_two()).sum::<u64>()
    );
}

#[test]
fn a_long_trace_gives_the_same_as_one_batch_would() {
    let dir = tempfile::tempdir().unwrap();
    common::busy(&dir.path().join("t"), 200_000);
    let trace = Trace::open(&dir.path().join("t")).unwrap();
    let (all, _) = stat::read(&trace, Events::Page, &[], &silent).unwrap();
    for keys in
        [vec![Key::Zone, Key::Order], vec![Key::Gfp], vec![Key::Comm, Key::Cpu], vec![Key::Process, Key::Migratetype]]
    {
        let (parts, _) = stat::read(&trace, Events::Page, &keys, &silent).unwrap();
        let sum = |get: fn(&Counts) -> i64| parts.groups.iter().map(|group| get(&group.counts)).sum::<i64>();
        let whole = all.groups[0].counts;
        assert_eq!(
            (sum(|c| c.allocs), sum(|c| c.frees), sum(|c| c.live)),
            (whole.allocs, whole.frees, whole.live),
            "{keys:?}"
        );
        assert!(
            sum(|c| c.peak_live) >= whole.peak_live,
            "peaks of parts cannot add up to less than the peak of the whole"
        );
    }
    assert!(all.groups[0].counts.implied_frees > 0, "the workload misses frees");
}

#[test]
fn a_span_of_time_counts_as_if_it_had_been_recorded_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (all, part) = (dir.path().join("all"), dir.path().join("part"));
    common::busy(&all, 200_000);
    let mut trace = Trace::open(&all).unwrap();
    let span = 3 * common::SECOND + 7..=7 * common::SECOND;
    let mut header = trace.header.clone();
    (header.clock.start_ns, header.clock.end_ns) = (*span.start(), *span.end());
    let mut writer = Writer::create(&part, &header, Options::default()).unwrap();
    let rows: Vec<PageEvent> = trace.all(&mut Vec::new());
    writer.append(&rows.into_iter().filter(|row| span.contains(&row.time)).collect::<Vec<_>>()).unwrap();
    writer.append(&trace.all::<Task>(&mut Vec::new())).unwrap();
    writer.finish(&header).unwrap();
    "3.000000007,7".parse::<Window>().unwrap().limit(&mut trace).unwrap();
    let part = Trace::open(&part).unwrap();
    for keys in [vec![], vec![Key::Gfp, Key::Comm], vec![Key::Time, Key::Kind]] {
        let groups = |trace: &Trace| {
            let (stat, _) = stat::read(trace, Events::Page, &keys, &silent).unwrap();
            stat.groups.into_iter().map(|group| (group.values, group.counts)).collect::<Vec<_>>()
        };
        assert_eq!(groups(&trace), groups(&part), "{keys:?}");
    }
    let [limited, alone] = [&trace, &part].map(|trace| Summary::read(trace, &silent).unwrap());
    assert_eq!((&limited.info.events, limited.rates.interval), (&alone.info.events, alone.rates.interval));
    assert_eq!(limited.rates.zones, alone.rates.zones);
    assert!(limited.snapshots.len() < 10 && !limited.snapshots.is_empty(), "snapshots of that time only");
    assert!(limited.snapshots.iter().all(|snapshot| span.contains(&snapshot.time)));
}

#[test]
fn the_losses_of_a_span_of_time_are_those_between_the_ledgers_rows_around_it() {
    let dir = tempfile::tempdir().unwrap();
    common::small(&dir.path().join("t"));
    let lost = |span| {
        let mut trace = Trace::open(&dir.path().join("t")).unwrap();
        trace.limit(span);
        let loss = Loss::read(&trace);
        let pages = loss.ledger.iter().find(|account| account.program == "page_alloc").unwrap();
        (pages.seen, pages.dropped, loss.lost(Events::Page))
    };
    // The ledger has rows at 50 ns (1 seen) and at 1200 ns (9 seen, 2 dropped, and one free missed).
    assert_eq!(lost(0..=u64::MAX), (9, 2, 3));
    assert_eq!(lost(100..=500), (8, 2, 3));
    assert_eq!(lost(0..=50), (1, 0, 1), "what is counted for all CPUs has one row, at the end");
    assert_eq!(lost(2000..=u64::MAX), (0, 0, 0), "after the last row nothing is known to be lost");
}

#[test]
fn what_frames_were_used_for_at_the_start_says_nothing_of_a_later_span() {
    let dir = tempfile::tempdir().unwrap();
    common::write(&dir.path().join("t"), &common::header(), |writer| {
        writer.append(&[FrameRun { time: 100, snapshot: 0, pfn: 8192, pages: 1, class: "free".into() }]).unwrap();
        writer.append(&[Task { time: 100, pid: 1, tgid: 1, comm: "init".into(), cgroup: 0 }]).unwrap();
    });
    let mut trace = Trace::open(&dir.path().join("t")).unwrap();
    trace.limit(101..=u64::MAX);
    assert_eq!(
        (trace.rows_of(FrameRun::TABLE), trace.all::<FrameRun>(&mut Vec::new())),
        (0, vec![]),
        "they would be taken for free"
    );
    assert_eq!(trace.all::<Task>(&mut Vec::new()).len(), 1, "but who is who is known");
}

#[test]
fn objects_of_one_call_site_are_of_several_size_classes() {
    let dir = tempfile::tempdir().unwrap();
    let object = |time: u64, bytes_alloc| SlabEvent {
        time,
        pid: 10,
        cpu: 0,
        kind: Kind::Kmalloc as u8,
        object: time * 4096,
        call_site: 1,
        bytes_req: bytes_alloc,
        bytes_alloc,
        gfp: common::GFP_KERNEL,
        node: -1,
        cache: 0,
    };
    common::write(&dir.path().join("t"), &common::header(), |writer| {
        writer.append(&[object(1, 64), object(2, 128), object(3, 64)]).unwrap();
    });
    let trace = Trace::open(&dir.path().join("t")).unwrap();
    let (stat, _) = stat::read(&trace, Events::Slab, &[Key::Class], &silent).unwrap();
    let allocs: Vec<_> = stat.groups.iter().map(|group| (group.values[0].0, group.counts.allocs)).collect();
    assert_eq!(allocs, [(64, 2), (128, 1)]);
}

/// Writes a trace in which a request of a cgroup at its limit fails: the kernel takes the page, cannot charge it, and
/// frees it. Before it reports the failure, another CPU has `between` events.
fn refusal(dir: &Path, between: u64, options: Options) -> Trace {
    let mut header = common::header();
    let account = ("__GFP_ACCOUNT".to_owned(), 0x40_0000);
    let flags = header.gfp.entries().map(|(name, mask)| (name.to_owned(), mask)).chain([account]).collect();
    header.gfp = GfpTable::new(flags);
    let (charged, cpu) = (common::GFP_KERNEL | 0x40_0000, 1);
    let mut rows = vec![common::page(1, Kind::PageFree, 8192, 0, (0, u8::MAX), (10, cpu))];
    rows.extend((0..between).map(|at| common::alloc(2 + at, 8193 + at, 0, common::GFP_KERNEL, 0, 20)));
    rows.push(common::page(2 + between, Kind::PageAlloc, NO_PFN, 0, (charged, 0), (10, cpu)));
    let mut writer = Writer::create(dir, &header, options).unwrap();
    writer.append(&rows).unwrap();
    writer.finish(&header).unwrap();
    Trace::open(dir).unwrap()
}

#[test]
fn a_refusal_is_told_from_a_failure_wherever_batches_end() {
    let dir = tempfile::tempdir().unwrap();
    let refusals = |trace: &Trace| {
        let (all, _) = stat::read(trace, Events::Page, &[], &silent).unwrap();
        (all.groups[0].counts.failures, all.groups[0].counts.refusals)
    };
    let together = refusal(&dir.path().join("together"), 2, Options::default());
    assert_eq!(refusals(&together), (1, 1));
    // Every event is in a segment of its own.
    let apart =
        refusal(&dir.path().join("apart"), 2, Options { batch_rows: 1, segment_bytes: 0, ..Options::default() });
    assert_eq!((apart.table(PageEvent::TABLE).count(), refusals(&apart)), (4, (1, 1)));
    // The free is in the first batch of 65,536 rows, and the failure begins the next one.
    let edge = refusal(&dir.path().join("edge"), (1 << 16) - 1, Options::default());
    assert_eq!(edge.table(PageEvent::TABLE).map(|segment| segment.batches.len()).sum::<usize>(), 2);
    assert_eq!(refusals(&edge), (1, 1));
}
