//! These tests compare the slab analysis of small traces with numbers computed by hand.

mod common;

use std::path::Path;

use analyzer::{
    Events, Key, Loss,
    batches::silent,
    slab::{self, Bytes, Misfit, Slab, Usage},
    table::Cell,
};
use common::{GFP_KERNEL, SECOND};
use trace::{Header, Kind, SlabEvent, SlabInfo, Symbol, Trace};

fn alloc(time: u64, cpu: u16, object: u64, call_site: u64, (bytes_req, bytes_alloc): (u32, u32)) -> SlabEvent {
    let kind = Kind::Kmalloc as u8;
    SlabEvent {
        time,
        pid: 10,
        cpu,
        kind,
        object,
        call_site,
        bytes_req,
        bytes_alloc,
        gfp: GFP_KERNEL,
        node: -1,
        cache: 0,
    }
}

fn free(time: u64, cpu: u16, object: u64) -> SlabEvent {
    SlabEvent { kind: Kind::Kfree as u8, gfp: 0, ..alloc(time, cpu, object, 9, (0, 0)) }
}

fn read(dir: &Path, header: &Header, events: &[SlabEvent], classes: &[SlabInfo], key: Key) -> (Slab, Loss) {
    common::write(dir, header, |writer| {
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
                symbol(3, "alloc_pipe_info", 0x90),
            ])
            .unwrap();
        writer.append(events).unwrap();
        writer.append(classes).unwrap();
    });
    slab::read(&Trace::open(dir).unwrap(), key, &silent).unwrap()
}

/// Returns the events of two call sites of one function, and of a third call site. The comments give the live bytes of
/// `alloc_pipe_info+0x40` after an event, as allocated/requested.
fn events() -> Vec<SlabEvent> {
    vec![
        alloc(100, 0, 0x1000, 1, (100, 128)),                               // 128/100
        alloc(200, 0, 0x2000, 1, (100, 128)),                               // 256/200
        alloc(300, 0, 0x3000, 2, (60, 64)),                                 // 256/200
        free(400, 1, 0x1000),                                               // 128/100, on another CPU
        SlabEvent { node: 1, ..alloc(500, 0, 0x4000, 1, (1000, 1024)) },    // 1152/1100: the peaks of Alloc and Req
        free(600, 0, 0x4000),                                               // 128/100
        SlabEvent { node: 0, ..alloc(700, 0, 0x5000, 1, (513, 1024)) },     // 1152/613: the peak of the waste, 539
        alloc(800, 1, 0x3000, 3, (10, 16)), // implies the free of load_elf_binary's object
        free(900, 0, 0x5000),               // 128/100
        free(950, 0, 0x9000),               // was allocated before the trace
        free(960, 0, 0),                    // kfree(NULL)
        SlabEvent { object: 0, ..alloc(970, 0, 0, 1, (1 << 20, 1 << 20)) }, // failed
    ]
}

#[test]
fn usage_is_that_of_trace_cmd_mem_and_its_peaks_know_their_time() {
    let dir = tempfile::tempdir().unwrap();
    let (slab, loss) = read(&dir.path().join("t"), &common::header(), &events(), &[], Key::Callsite);
    assert_eq!(loss.problems, []);
    let bytes = |alloc, req| Bytes { alloc, req };
    let first = Usage {
        allocs: 4,
        now: bytes(128, 100),
        total: bytes(128 + 128 + 1024 + 1024, 100 + 100 + 1000 + 513),
        max: bytes(1152, 1100),
        // MaxAlloc - MaxReq is 52, but these two peaks are at different moments.
        max_waste: 539,
        max_waste_at: 700,
        pingpong: 1,
        cross_node: 1,
    };
    let elf = Usage {
        allocs: 1,
        now: bytes(0, 0),
        total: bytes(64, 60),
        max: bytes(64, 60),
        max_waste: 4,
        max_waste_at: 300,
        pingpong: 0,
        cross_node: 0,
    };
    let second =
        Usage { now: bytes(16, 10), total: bytes(16, 10), max: bytes(16, 10), max_waste: 6, max_waste_at: 800, ..elf };
    let named = |name: &str, usage| (name.to_owned(), usage);
    let expected = [
        named("alloc_pipe_info+0x40", first),
        named("alloc_pipe_info+0x90", second),
        named("load_elf_binary+0x10", elf),
    ];
    assert_eq!(slab.usages, expected, "whoever wasted most at once comes first");
    let by_function = slab::read(&Trace::open(&dir.path().join("t")).unwrap(), Key::Function, &silent).unwrap().0;
    let (name, usage) = &by_function.usages[0];
    // Both call sites together have 1152/613 at 700 ns, and 16/10 more from 800 ns on.
    assert_eq!(
        (name.as_str(), usage.max, usage.max_waste, usage.max_waste_at),
        ("alloc_pipe_info", bytes(1168, 1100), 545, 800)
    );
    let refused = slab::read(&Trace::open(&dir.path().join("t")).unwrap(), Key::Order, &silent).unwrap_err();
    assert!(refused.to_string().contains("such as callsite"), "{refused}");
}

#[test]
fn a_sampled_trace_stands_for_all_objects() {
    let dir = tempfile::tempdir().unwrap();
    let header = Header { sample: 10, ..common::header() };
    let (slab, loss) = read(&dir.path().join("t"), &header, &events(), &[], Key::Callsite);
    let usage = slab.usages[0].1;
    assert_eq!(
        (usage.allocs, usage.now.alloc, usage.max.req, usage.max_waste, usage.pingpong),
        (40, 1280, 11000, 5390, 10)
    );
    assert_eq!(usage.max_waste_at, 700, "a time is not scaled");
    assert!(slab.table(&header).notes.iter().any(|note| note.contains("times 10")), "and the table says so");
    assert!(loss.sentence(Events::Slab).unwrap().contains("1 object in 10"));
}

#[test]
fn nodes_are_compared_only_where_there_are_several() {
    let dir = tempfile::tempdir().unwrap();
    let header = Header { cpu_node: vec![0, 1], ..common::header() };
    let (slab, _) = read(&dir.path().join("t"), &header, &events(), &[], Key::Callsite);
    let table = slab.table(&header);
    assert_eq!(table.columns.last().unwrap().id, "cross_node");
    assert_eq!(table.rows[0].last(), Some(&Cell::Integer(1)));
    let one_node = slab.table(&common::header());
    assert!(one_node.columns.iter().all(|column| column.id != "cross_node"));
    assert!(one_node.notes.iter().any(|note| note.contains("all CPUs are on one node")));
    let imported = slab.table(&Header { zones: vec![], ..common::header() });
    assert!(imported.notes.iter().any(|note| note.contains("imported")));
}

/// Returns the misfits of a trace with forty objects that are a little too large for a size class, many objects that
/// fit well, and some that are whole pages.
fn misfits(dir: &Path, header: &Header, classes: &[SlabInfo]) -> Vec<Misfit> {
    let many = |call_site: u64, count: u64, sizes| {
        (0..count).map(move |n| alloc(1000 + n, 0, call_site << 32 | n << 16, call_site, sizes))
    };
    let mut events: Vec<_> =
        many(1, 40, (517, 1024)).chain(many(2, 200, (1000, 1024))).chain(many(3, 10, (9000, 16384))).collect();
    events.sort_by_key(|event| event.time);
    // Twenty of the forty objects are freed before ten more are allocated, so the peak stays forty.
    events.extend((0..20).map(|n| free(3000 + n, 0, 1 << 32 | n << 16)));
    events.extend((0..10).map(|n| alloc(4000 + n, 0, 1 << 40 | n << 16, 1, (517, 1024))));
    read(dir, header, &events, classes, Key::Callsite).0.misfits
}

fn class(name: &str, objsize: u32) -> SlabInfo {
    SlabInfo {
        time: 0,
        snapshot: 0,
        name: name.into(),
        active_objs: 1,
        num_objs: 1,
        objsize,
        objperslab: 1,
        pagesperslab: 1,
        active_slabs: 1,
        num_slabs: 1,
    }
}

#[test]
fn a_better_size_is_suggested_where_it_saves_much() {
    let dir = tempfile::tempdir().unwrap();
    let header = common::header();
    let classes = [class("kmalloc-512", 512), class("kmalloc-8k", 8192), class("pipe_inode_info", 516)];
    let found = misfits(&dir.path().join("a"), &header, &classes);
    let pipe = Misfit {
        callsite: "alloc_pipe_info+0x40".into(),
        req: 517,
        alloc: 1024,
        peak: 40,
        peak_at: 1039,
        own: 520,
        // No event used this class, but /proc/slabinfo has it. `pipe_inode_info` is no class of kmalloc's.
        smaller: Some(512),
    };
    assert_eq!((pipe.own_saves(), pipe.smaller_saves()), (40 * 504, Some(40 * 512)));
    assert_eq!(
        found,
        std::slice::from_ref(&pipe),
        "24 bytes of 1024 are not worth it, and what is larger than the largest cache is whole pages"
    );
    // Without /proc/slabinfo, only the sizes in the events are known: 512 is not among them, and 16384 may be a cache.
    let found = misfits(&dir.path().join("b"), &header, &[]);
    let names: Vec<_> = found.iter().map(|misfit| (misfit.req, misfit.own_saves(), misfit.smaller)).collect();
    assert_eq!(names, [(9000, 10 * 7384, None), (517, 40 * 504, None)]);
    // With eight CPUs, the slabs that each CPU keeps in stock take more memory than another size would save.
    let wide = Header { cpu_node: vec![0; 8], ..header.clone() };
    assert_eq!(misfits(&dir.path().join("c"), &wide, &classes), []);
    let sampled = Header { sample: 10, ..wide };
    assert_eq!(misfits(&dir.path().join("d"), &sampled, &classes)[0].peak, 400);
    let table = slab::misfits_table(&[pipe], header.clock.start_ns);
    assert_eq!(
        table.rows[0][6..],
        [Cell::Integer(20_160), Cell::Integer(512), Cell::Integer(5), Cell::Integer(20_480)]
    );
    assert!(header.clock.end_ns == 10 * SECOND && table.rows[0][4] == Cell::Integer(1039));
}

#[test]
fn classes_of_kmalloc_are_told_apart_by_size() {
    let dir = tempfile::tempdir().unwrap();
    let (slab, _) = read(&dir.path().join("t"), &common::header(), &events(), &[], Key::Class);
    let names: Vec<_> = slab.usages.iter().map(|(name, usage)| (name.as_str(), usage.allocs)).collect();
    assert_eq!(names, [("1024 bytes", 2), ("128 bytes", 2), ("16 bytes", 1), ("64 bytes", 1)]);
}
