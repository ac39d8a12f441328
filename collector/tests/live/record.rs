//! Recording pages and objects: the counts, the frames, the account, and what happens to a trace whose collector is
//! killed or whose disk is full.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    fs::{self, File},
    os::unix::fs::{FileExt as _, MetadataExt as _},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use memmap2::MmapMut;
use tempfile::TempDir;
use trace::{ANY_MIGRATETYPE, FreeArea, Kind, PageEvent, ProblemKind, SlabEvent, Task, Trace, VmStat};

use crate::{
    common::{Running, all, collector, program, record, record_as, settled_ledger, stop, told, wait_for_batch_of},
    pressure::is_guest,
};

/// Order-0 movable allocations of one thread.
fn faults_of(trace: &Trace, pid: u64) -> u64 {
    let movable = trace.header.migratetypes.iter().position(|name| name == "Movable").unwrap() as u8;
    let fault = |page: &&PageEvent| {
        page.kind == Kind::PageAlloc as u8
            && u64::from(page.pid) == pid
            && page.order == 0
            && page.migratetype == movable
    };
    all::<PageEvent>(trace).iter().filter(fault).count() as u64
}

fn assert_within_a_percent(measured: u64, truth: u64) {
    println!("measured {measured}, truth {truth}");
    assert!(measured.abs_diff(truth) * 100 <= truth, "{measured} is not within 1 % of {truth}");
}

#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn page_faults_agree_with_getrusage() {
    let workload = program("workload");
    // Once before: reading a cold binary from the disk takes movable pages too, for the page cache, and they are no
    // minor faults.
    assert!(Command::new(&workload).args(["faults", "--pages", "1"]).stdout(Stdio::null()).status().unwrap().success());
    for attach in ["raw", "tracepoint"] {
        let (_tmp, trace, output) = record(&[
            "--events",
            "page",
            "--attach",
            attach,
            "--",
            workload.to_str().unwrap(),
            "faults",
            "--pages",
            "20000",
        ]);
        assert_within_a_percent(faults_of(&trace, told(&output, "pid")), told(&output, "minflt"));
        assert_eq!(settled_ledger(&trace)["page_alloc"].dropped, 0);
    }
}

#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn page_allocations_agree_with_perf_stat() {
    if Command::new("perf").arg("--version").output().is_err() {
        assert!(std::env::var_os("GFPSCOPE_GUEST").is_some(), "perf is missing: `make setup` installs it");
        println!("SKIPPED: the guests of the kernel matrix have no perf; on the host this check must run");
        return;
    }
    let (workload, counts) = (program("workload"), TempDir::new().unwrap());
    let counts = counts.path().join("counts");
    let perf = ["perf", "stat", "-x,", "-e", "kmem:mm_page_alloc", "-o", counts.to_str().unwrap()];
    let arguments: Vec<_> = ["--events", "page", "--"]
        .into_iter()
        .chain(perf)
        .chain([workload.to_str().unwrap(), "faults", "--pages", "20000"])
        .collect();
    let (_tmp, trace, output) = record(&arguments);
    let text = fs::read_to_string(&counts).unwrap();
    let counted =
        text.lines().find(|line| line.contains("mm_page_alloc")).and_then(|line| line.split(',').next()?.parse().ok());
    // perf counts from exec on; so do we then: the task is called `workload` from there.
    let pid = told(&output, "pid");
    let exec = all::<Task>(&trace)
        .iter()
        .filter(|task| u64::from(task.pid) == pid && task.comm == "workload")
        .map(|task| task.time)
        .min()
        .unwrap();
    let ours = all::<PageEvent>(&trace)
        .iter()
        .filter(|page| page.kind == Kind::PageAlloc as u8 && u64::from(page.pid) == pid && page.time >= exec)
        .count();
    assert_within_a_percent(ours as u64, counted.unwrap_or_else(|| panic!("no count in {text}")));
}

/// Frames are the right ones: those that this process owns, as `/proc/self/pagemap` tells them.
#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn frames_are_those_of_pagemap() {
    const PAGES: usize = 300;
    for attach in ["raw", "tracepoint"] {
        let tmp = TempDir::new().unwrap();
        let dir = tmp.path().join("trace");
        let mut recording = Running::start(
            collector().args(["record", "--events", "page", "--attach", attach, "-o"]).arg(&dir).stderr(Stdio::null()),
        );
        wait_for_batch_of("task", &dir);
        let pid =
            fs::read_link("/proc/thread-self").unwrap().file_name().unwrap().to_str().unwrap().parse::<u32>().unwrap();
        // Not a vector: malloc may have pages for it that it was given before.
        let mut memory = MmapMut::map_anon(PAGES * 4096).unwrap();
        memory.iter_mut().step_by(4096).for_each(|byte| *byte = 1);
        let pagemap = File::open("/proc/self/pagemap").unwrap();
        let frames: BTreeSet<u64> = (1..PAGES - 1)
            .map(|page| {
                let mut entry = [0; 8];
                pagemap.read_exact_at(&mut entry, ((memory.as_ptr() as u64 >> 12) + page as u64) * 8).unwrap();
                let entry = u64::from_ne_bytes(entry);
                assert!(entry >> 63 == 1, "the page is present");
                entry & ((1 << 55) - 1)
            })
            .collect();
        stop(&mut recording);
        let trace = Trace::open(&dir).unwrap();
        let ours =
            all::<PageEvent>(&trace).into_iter().filter(|page| page.kind == Kind::PageAlloc as u8 && page.pid == pid);
        let covered: BTreeSet<u64> = ours.flat_map(|page| page.pfn..page.pfn + (1 << page.order)).collect();
        let missing = frames.difference(&covered).count();
        assert_eq!(missing, 0, "{attach}: {missing} of {} frames were never seen allocated", frames.len());
        let zones = all::<PageEvent>(&trace);
        assert!(
            zones.iter().all(|page| trace.header.zone_of(page.pfn).is_none_or(|zone| zone == usize::from(page.zone)))
        );
        drop(memory);
    }
}

#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn the_account_balances_when_the_ring_is_far_too_small() {
    let workload = program("workload");
    for attach in ["raw", "tracepoint"] {
        let (_tmp, trace, _) = record(&[
            "--ring-size",
            "4K",
            "--attach",
            attach,
            "--",
            workload.to_str().unwrap(),
            "faults",
            "--pages",
            "50000",
        ]);
        let ledger = settled_ledger(&trace);
        assert!(ledger["page_alloc"].dropped > 0, "{attach}: {ledger:?}");
        assert!(ledger["page_alloc"].written > 0, "{attach}: {ledger:?}");
    }
}

#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn the_account_balances_under_a_mixed_load() {
    let workload = program("workload");
    let (_tmp, trace, _, collector) = record_as(&["--", workload.to_str().unwrap(), "mixed", "--seconds", "3"]);
    let ledger = settled_ledger(&trace);
    for program in ["page_alloc", "page_free", "kmalloc", "kfree", "task_newtask"] {
        assert!(ledger[program].written > 0, "{program}: {ledger:?}");
    }
    assert!(ledger["page_alloc"].filtered > 0, "the collector's own events are counted");
    let own: BTreeSet<u32> =
        all::<Task>(&trace).iter().filter(|task| task.tgid == collector).map(|task| task.pid).collect();
    assert!(
        !own.is_empty() && all::<PageEvent>(&trace).iter().all(|page| !own.contains(&page.pid)),
        "and none of them is in the trace"
    );
    let times: Vec<u64> = all::<PageEvent>(&trace).iter().map(|page| page.time).collect();
    assert!(times.is_sorted(), "events of all CPUs are in one time order");
}

/// Filters in the kernel: what passes is what was asked for, what does not is counted.
#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn filters_keep_what_was_asked_for_and_count_the_rest() {
    let workload = program("workload");
    let mixed = ["--", workload.to_str().unwrap(), "mixed", "--seconds", "2"];
    for attach in ["raw", "tracepoint"] {
        let (_tmp, trace, _) = record(
            &[&["--attach", attach, "--order", "2", "--min-bytes", "256", "--comm", "workload"][..], &mixed].concat(),
        );
        let ledger = settled_ledger(&trace);
        assert!(ledger["page_alloc"].filtered > ledger["page_alloc"].written, "{attach}: {ledger:?}");
        let tasks: BTreeSet<u32> =
            all::<Task>(&trace).iter().filter(|task| task.comm == "workload").map(|task| task.pid).collect();
        let (pages, slabs): (Vec<PageEvent>, Vec<SlabEvent>) = (all(&trace), all(&trace));
        assert!(!pages.is_empty() && pages.iter().all(|page| page.order >= 2 && tasks.contains(&page.pid)), "{attach}");
        let kmallocs: Vec<_> = slabs.iter().filter(|slab| slab.kind == Kind::Kmalloc as u8).collect();
        assert!(
            !kmallocs.is_empty() && kmallocs.iter().all(|slab| slab.bytes_req >= 256 && tasks.contains(&slab.pid)),
            "{attach}"
        );
    }
    let (_tmp, trace, _) = record(&[&["--gfp", "__GFP_ZERO|__GFP_HIGHMEM"][..], &mixed].concat());
    settled_ledger(&trace);
    let bits = trace.header.gfp.encode("__GFP_ZERO|__GFP_HIGHMEM").unwrap();
    let pages: Vec<PageEvent> = all(&trace);
    let allocs: Vec<_> = pages.iter().filter(|page| page.kind == Kind::PageAlloc as u8).collect();
    assert!(!allocs.is_empty() && allocs.iter().all(|page| page.gfp & bits == bits));
    assert!(pages.len() > allocs.len(), "frees stay");
    let output = collector().args(["record", "-o", "/nowhere", "--gfp", "__GFP_NOSUCH"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("`__GFP_NOSUCH` is no GFP flag of this kernel"));
}

#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn no_kernel_address_is_stored() {
    let (_tmp, trace, _) = record(&["--duration", "2"]);
    let slabs: Vec<SlabEvent> = all(&trace);
    assert!(!slabs.is_empty() && trace.header.objects_are_physical);
    let end =
        trace.header.zones.iter().map(|zone| (zone.start_pfn + zone.spanned) * trace.header.page_size).max().unwrap();
    assert!(slabs.iter().all(|slab| slab.object < end), "objects are physical addresses");
    let symbols: Vec<trace::Symbol> = all(&trace);
    assert!(slabs.iter().all(|slab| slab.call_site <= symbols.len() as u64), "call sites are numbers of symbols");
    assert!(
        symbols.iter().filter(|symbol| symbol.function != "?").count() * 10 >= symbols.len() * 9,
        "which have names: {symbols:?}"
    );
}

/// Objects that are still there when recording ends lie in slab pages, says `/proc/kpageflags`.
#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn objects_lie_in_slab_pages() {
    const KPF_SLAB: u64 = 1 << 7;
    let tmp = TempDir::new().unwrap();
    let dir = tmp.path().join("trace");
    let mut holder = Command::new(program("workload"));
    let mut recording =
        Running::start(collector().args(["record", "--events", "slab", "-o"]).arg(&dir).stderr(Stdio::null()));
    wait_for_batch_of("task", &dir);
    let mut pipes = Running::start(holder.args(["leak", "--rate", "200", "--seconds", "4"]).stdout(Stdio::null()));
    thread::sleep(Duration::from_secs(2));
    stop(&mut recording);
    let trace = Trace::open(&dir).unwrap();
    let mut live = BTreeMap::new();
    for slab in all::<SlabEvent>(&trace) {
        if slab.kind == Kind::Kmalloc as u8 && slab.pid == pipes.id() && slab.bytes_alloc <= 2048 {
            live.insert(slab.object, slab);
        } else {
            live.remove(&slab.object);
        }
    }
    let kpageflags = File::open("/proc/kpageflags").unwrap();
    let in_slab = live.keys().filter(|object| {
        let mut flags = [0; 8];
        kpageflags
            .read_exact_at(&mut flags, *object / trace.header.page_size * 8)
            .is_ok_and(|()| u64::from_ne_bytes(flags) & KPF_SLAB != 0)
    });
    let (in_slab, live) = (in_slab.count(), live.len());
    pipes.kill().unwrap();
    pipes.wait().unwrap();
    println!("{in_slab} of {live} live objects lie in slab pages");
    assert!(live > 50 && in_slab * 100 >= live * 95, "{in_slab} of {live}");
}

#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn snapshots_are_what_proc_says() {
    let (_tmp, trace, _) = record(&["--events", "page", "--duration", "2", "--snapshot-interval", "0.5"]);
    let rows: Vec<FreeArea> = all(&trace);
    let snapshots: BTreeSet<u32> = rows.iter().map(|row| row.snapshot).collect();
    assert!(snapshots.len() >= 4, "at the start, at the end and between: {snapshots:?}");
    let sum = |snapshot: u32, by_type: bool| {
        let wanted =
            rows.iter().filter(|row| row.snapshot == snapshot && (row.migratetype != ANY_MIGRATETYPE) == by_type);
        wanted.map(|row| row.nr_free << row.order).sum::<u64>()
    };
    let (all_types, by_type) = (sum(0, false), sum(0, true));
    assert!(
        all_types > 0 && all_types.abs_diff(by_type) * 100 <= all_types,
        "buddyinfo {all_types}, pagetypeinfo {by_type} pages"
    );
    // A counter that only grows, and that somebody's page faults move.
    let mut faults = all::<VmStat>(&trace).into_iter().filter(|row| row.item == "pgfault").map(|row| row.value);
    let first = faults.next().unwrap();
    assert!(faults.next_back().unwrap() >= first);
}

/// Killed at twenty moments, a trace opens, and every batch in its manifest reads.
#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn kill_9_costs_only_what_was_in_memory() {
    let workload = program("workload");
    let tmp = TempDir::new().unwrap();
    let load = Running::start(Command::new(&workload).args(["mixed", "--seconds", "600"]).stdout(Stdio::null()));
    let mut rows = 0;
    for kill in 0..20_u64 {
        let dir = tmp.path().join(format!("trace-{kill}"));
        let mut recording =
            Running::start(collector().args(["record", "--rotate", "256K", "-o"]).arg(&dir).stderr(Stdio::null()));
        // Every other time early, when no event may have been written yet.
        wait_for_batch_of(if kill % 2 == 0 { "task" } else { "page" }, &dir);
        thread::sleep(Duration::from_millis(kill * 37 % 700));
        recording.kill().unwrap();
        recording.wait().unwrap();
        let trace = Trace::open(&dir).unwrap_or_else(|error| panic!("kill {kill}: {error}"));
        let problems = trace.verify();
        assert!(!problems.is_empty(), "the tear is told");
        assert!(
            problems.iter().all(|problem| problem.kind == ProblemKind::Torn && problem.rows_lost == 0),
            "kill {kill}: {problems:?}"
        );
        assert_eq!(all::<PageEvent>(&trace).len() as u64, trace.rows_of("page"), "every listed batch is there");
        rows += trace.rows_of("page");
    }
    drop(load);
    println!("{rows} page events survived 20 kills");
    assert!(rows > 0);
}

#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn a_full_disk_ends_the_recording_and_keeps_what_was_written() {
    let tmp = TempDir::new().unwrap();
    let disk = tmp.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=2M", "tmpfs"]).arg(&disk).status().unwrap();
    assert!(mounted.success());
    let dir = disk.join("trace");
    let output = collector()
        .args(["record", "--duration", "30", "-o"])
        .arg(&dir)
        .arg("--")
        .arg(program("workload"))
        .args(["mixed", "--seconds", "30"])
        .output();
    let trace = Trace::open(&dir);
    let (problems, rows) = trace.as_ref().map_or((vec![], 0), |trace| (trace.verify(), trace.rows_of("page")));
    Command::new("umount").arg("-l").arg(&disk).status().unwrap();
    let (output, _trace) = (output.unwrap(), trace.unwrap());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("No space left on device"), "{stderr}");
    assert!(
        rows > 0 && problems.iter().all(|problem| problem.kind == ProblemKind::Torn && problem.rows_lost == 0),
        "{problems:?}"
    );
}

/// A disk that does not answer for three seconds costs nothing: the rings are emptied meanwhile, though they hold a
/// tenth of a second.
#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn a_disk_that_stalls_loses_nothing() {
    if is_guest() {
        println!("SKIPPED: the guests of the kernel matrix have no mkfs.ext4; on the host this check must run");
        return;
    }
    let tmp = TempDir::new().unwrap();
    let (image, disk) = (tmp.path().join("image"), tmp.path().join("disk"));
    let run = |program: &str, arguments: &[&OsStr]| {
        assert!(Command::new(program).args(arguments).status().unwrap().success(), "{program}");
    };
    File::create(&image).unwrap().set_len(1 << 30).unwrap();
    fs::create_dir(&disk).unwrap();
    run("mkfs.ext4", &["-q".as_ref(), image.as_ref()]);
    run("mount", &["-o".as_ref(), "loop".as_ref(), image.as_ref(), disk.as_ref()]);
    let dir = disk.join("trace");
    let mut command = collector();
    command.args(["record", "--events", "page", "--ring-size", "2M", "-o"]).arg(&dir).stderr(Stdio::null());
    let mut recording = Running::start(&mut command);
    wait_for_batch_of("task", &dir);
    let load =
        Running::start(Command::new(program("workload")).args(["mixed", "--seconds", "60"]).stdout(Stdio::null()));
    run("fsfreeze", &["-f".as_ref(), disk.as_ref()]);
    thread::sleep(Duration::from_secs(3));
    run("fsfreeze", &["-u".as_ref(), disk.as_ref()]);
    drop(load);
    stop(&mut recording);
    let trace = Trace::open(&dir).unwrap();
    let (problems, ledger) = (trace.verify(), settled_ledger(&trace));
    drop(trace);
    run("umount", &["-l".as_ref(), disk.as_ref()]);
    assert_eq!(problems, []);
    println!("{} pages allocated, {} dropped", ledger["page_alloc"].written, ledger["page_alloc"].dropped);
    assert!(ledger["page_alloc"].written > 100_000, "more than two rings of 2 MiB hold: {ledger:?}");
    assert_eq!(ledger.values().map(|row| row.dropped).sum::<u64>(), 0, "{ledger:?}");
}

#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn privileges_are_gone_while_it_records() {
    let tmp = TempDir::new().unwrap();
    let dir = tmp.path().join("trace");
    let mut command = collector();
    command.args(["record", "-o"]).arg(&dir).env("SUDO_UID", "1234").env("SUDO_GID", "1234").stderr(Stdio::null());
    let parent = tmp.path().to_owned();
    std::os::unix::fs::chown(&parent, Some(1234), Some(1234)).unwrap();
    let mut recording = Running::start(&mut command);
    wait_for_batch_of("task", &dir);
    let status = fs::read_to_string(format!("/proc/{}/status", recording.id())).unwrap();
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
    let (uid, capabilities, no_new_privs) = (field("Uid:"), field("CapEff:"), field("NoNewPrivs:"));
    stop(&mut recording);
    assert_eq!(uid.split_whitespace().collect::<Vec<_>>(), ["1234"; 4]);
    // CAP_BPF is number 39 (include/uapi/linux/capability.h).
    assert_eq!(u64::from_str_radix(&capabilities, 16).unwrap() & !(1 << 39), 0, "{capabilities}");
    assert_eq!(no_new_privs, "1");
    for entry in fs::read_dir(&dir).unwrap() {
        assert_eq!(entry.unwrap().metadata().unwrap().uid(), 1234, "the files belong to the user who ran sudo");
    }
    settled_ledger(&Trace::open(&dir).unwrap());
}
