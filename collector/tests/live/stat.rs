//! `collector stat`: counts made inside the kernel, against counts that were made elsewhere.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{BufRead as _, BufReader},
    process::{Command, Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use serde_json::Value;
use tempfile::TempDir;
use trace::{Cache, Kind, PageEvent, SlabEvent, Trace};

use crate::{
    common::{Running, all, collector, program, settled_ledger, told},
    pressure::{is_guest, want_too_many_huge_pages},
};

/// Counts with these arguments; what it printed as JSON, and the output of the command that it ran.
fn stat(arguments: &[&str]) -> (Value, Output) {
    let output = collector().arg("stat").arg("--json").args(arguments).output().unwrap();
    assert!(output.status.success(), "collector stat {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    // The command's own line of JSON comes first; the counts are printed over many lines.
    let start = text.find("{\n").unwrap_or_else(|| panic!("no JSON in {text}"));
    let report: Value = serde_json::from_str(&text[start..]).unwrap_or_else(|error| panic!("{error}: {text}"));
    balanced(&report);
    (report, output)
}

/// Every event is accounted for, and what is in no row is told.
fn balanced(report: &Value) {
    let ledger = |key: &str| report["ledger"][key].as_u64().unwrap();
    assert_eq!(ledger("seen"), ledger("counted") + ledger("no_room") + ledger("filtered"), "{}", report["ledger"]);
    let sum = |rows: &Value| {
        rows.as_array()
            .unwrap()
            .iter()
            .map(|row| row["allocs"].as_u64().unwrap() + row["frees"].as_u64().unwrap())
            .sum::<u64>()
    };
    let (mut in_rows, mut in_totals) = (0, 0);
    for family in ["pages", "objects"].iter().filter_map(|family| report.get(family)) {
        in_totals += sum(&Value::Array(vec![family["total"].clone()]));
        let rows = sum(&family["rows"]);
        in_rows += if family["rows"].as_array().unwrap().is_empty() {
            sum(&Value::Array(vec![family["total"].clone()]))
        } else {
            rows
        };
    }
    assert_eq!(in_totals, ledger("counted") + ledger("no_room"), "{}", report["ledger"]);
    assert!(in_rows >= ledger("counted") && in_rows <= in_totals, "{in_rows} in rows, {}", report["ledger"]);
}

/// The workload under a name that nothing else on the machine has: what is counted is its own.
struct Workload {
    _dir: TempDir,
    path: String,
    comm: String,
}

impl Workload {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let dir = TempDir::new().unwrap();
        let comm = format!("w{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let path = dir.path().join(&comm);
        std::os::unix::fs::symlink(program("workload"), &path).unwrap();
        // Once before: reading a cold binary from the disk takes movable pages too, for the page cache, and they are no
        // minor faults.
        assert!(Command::new(&path).args(["faults", "--pages", "1"]).stdout(Stdio::null()).status().unwrap().success());
        Self { _dir: dir, path: path.to_str().unwrap().to_owned(), comm }
    }

    fn faults(&self) -> [&str; 5] {
        ["--", &self.path, "faults", "--pages", "20000"]
    }
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no count"))
}

/// Sums of `allocs` and `frees` by the text of some keys.
fn by(report: &Value, family: &str, keys: &[&str]) -> BTreeMap<String, (u64, u64)> {
    let mut sums = BTreeMap::new();
    for row in report[family]["rows"].as_array().unwrap() {
        let key = keys.iter().map(|key| row[*key].to_string()).collect::<Vec<_>>().join(" ");
        let sum: &mut (u64, u64) = sums.entry(key).or_default();
        (sum.0, sum.1) = (sum.0 + number(&row["allocs"]), sum.1 + number(&row["frees"]));
    }
    sums
}

/// How many events two countings do not agree about.
fn difference(ours: &BTreeMap<String, (u64, u64)>, theirs: &BTreeMap<String, (u64, u64)>) -> u64 {
    let keys: BTreeSet<_> = ours.keys().chain(theirs.keys()).collect();
    let counts = |counts: &BTreeMap<String, (u64, u64)>, key| counts.get(key).copied().unwrap_or_default();
    let pairs = keys.into_iter().map(|key| (counts(ours, key), counts(theirs, key)));
    pairs.map(|(ours, theirs)| ours.0.abs_diff(theirs.0) + ours.1.abs_diff(theirs.1)).sum()
}

#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn page_faults_agree_with_getrusage() {
    let workload = Workload::new();
    // By index and by key.
    for columns in ["order,migratetype", "order,migratetype,comm"] {
        let (report, output) =
            stat(&[&["--events", "page", "--comm", &workload.comm, "--by", columns][..], &workload.faults()].concat());
        let movable = by(&report, "pages", &["order", "migratetype"])["0 \"Movable\""].0;
        let faults = told(&output, "minflt");
        println!("measured {movable}, truth {faults}");
        assert!(movable.abs_diff(faults) * 100 <= faults, "{movable} is not within 1 % of {faults}");
        assert!(number(&report["ledger"]["filtered"]) > 0, "others allocated, too");
    }
}

/// The same task, the same time: perf counts from its exec to its exit, and so do we, for it has its name from exec on.
#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn counts_agree_with_perf_stat() {
    if Command::new("perf").arg("--version").output().is_err() {
        assert!(is_guest(), "perf is missing: `make setup` installs it");
        println!("SKIPPED: the guests of the kernel matrix have no perf; on the host this check must run");
        return;
    }
    let tmp = TempDir::new().unwrap();
    let file = tmp.path().join("counts");
    let workload = Workload::new();
    // The same tracepoint once for each order: perf tells which is which by its place.
    let tracepoints = ["kmem:mm_page_alloc", "kmem:mm_page_free", "kmem:kmalloc", "kmem:kfree"];
    let mut perf = vec!["perf", "stat", "-x,", "-o", file.to_str().unwrap()];
    perf.extend(tracepoints.iter().flat_map(|tracepoint| ["-e", tracepoint]));
    perf.extend(["-e", "kmem:mm_page_alloc", "--filter", "order > 0"]);
    let (report, _) =
        stat(&[&["--comm", &workload.comm, "--by", "order", "--"][..], &perf, &workload.faults()].concat());
    let text = fs::read_to_string(&file).unwrap();
    let counted: Vec<u64> = text
        .lines()
        .filter(|line| line.contains("kmem:"))
        .map(|line| line.split(',').next().unwrap().parse().unwrap())
        .collect();
    let pages = by(&report, "pages", &["order"]);
    let of_higher_orders: u64 = pages.iter().filter(|(order, _)| *order != "0").map(|(_, (allocs, _))| allocs).sum();
    let (page, object) = (&report["pages"]["total"], &report["objects"]["total"]);
    let ours = [&page["allocs"], &page["frees"], &object["allocs"], &object["frees"]]
        .map(number)
        .into_iter()
        .chain([of_higher_orders]);
    for (ours, (perfs, name)) in ours.zip(counted.iter().zip(tracepoints.iter().chain(&["order > 0"]))) {
        println!("{name}: stat {ours}, perf {perfs}");
        // Not to the last event: a task has its name a moment longer than perf counts for it, which is until its exit
        // begins to free what it was made of. That is always the same few dozens.
        let slack = if name.contains("free") { 100 } else { 8 };
        assert!(ours.abs_diff(*perfs) <= slack, "{name}: {ours} here, {perfs} in perf");
    }
}

/// A trace of the same events, made at the same time by other programs, through a ring, with zones found in user space:
/// nothing may differ.
#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn counts_agree_with_a_trace() {
    let workload = Workload::new();
    for columns in ["order,zone,migratetype", "order,zone,migratetype,gfp"] {
        let tmp = TempDir::new().unwrap();
        let (dir, counts) = (tmp.path().join("trace"), tmp.path().join("counts"));
        let stat = format!(
            "exec '{}' stat --json --comm {} --by {columns} -- '{}' mixed --seconds 2 >'{}'",
            program("collector").display(),
            workload.comm,
            workload.path,
            counts.display()
        );
        let recorded = collector()
            .args(["record", "--comm", &workload.comm, "-o"])
            .arg(&dir)
            .args(["--", "sh", "-c", &stat])
            .output()
            .unwrap();
        assert!(recorded.status.success(), "{}", String::from_utf8_lossy(&recorded.stderr));
        let text = fs::read_to_string(&counts).unwrap();
        let report: Value = serde_json::from_str(&text[text.find("{\n").unwrap()..]).unwrap();
        balanced(&report);
        let trace = Trace::open(&dir).unwrap();
        let ledger = settled_ledger(&trace);
        let of = |program: &str| (ledger[program].dropped, ledger[program].missed);
        let [alloc, free, kmalloc, kfree] = ["page_alloc", "page_free", "kmalloc", "kfree"].map(of);
        // What the kernel did not show one of the two, it may have shown the other.
        let missed = number(&report["ledger"]["missed"]) + alloc.1 + free.1 + kmalloc.1 + kfree.1;
        assert_eq!((alloc.0, free.0, kmalloc.0, kfree.0), (0, 0, 0, 0), "nothing was dropped");

        let (mut theirs, header) = (BTreeMap::<String, (u64, u64)>::new(), &trace.header);
        for page in all::<PageEvent>(&trace) {
            let is_alloc = page.kind == Kind::PageAlloc as u8;
            let zone = if page.zone == trace::UNKNOWN_ZONE { "-".to_owned() } else { header.zone_name(page.zone) };
            let gfp = if is_alloc { header.gfp.decode(page.gfp) } else { "-".to_owned() };
            let mut key = vec![
                page.order.to_string(),
                format!("{zone:?}"),
                format!("{:?}", header.migratetype_name(page.migratetype)),
            ];
            if columns.contains("gfp") {
                key.push(format!("{gfp:?}"));
            }
            let sum = theirs.entry(key.join(" ")).or_default();
            if is_alloc { sum.0 += 1 } else { sum.1 += 1 }
        }
        let ours = by(&report, "pages", &columns.split(',').collect::<Vec<_>>());
        let difference = difference(&ours, &theirs);
        let events: u64 = ours.values().map(|(allocs, frees)| allocs + frees).sum();
        println!(
            "{columns}: {events} page events in {} rows; {difference} counted differently, {missed} missed",
            ours.len()
        );
        assert!(events > 1000 && difference <= missed, "{difference} of {events}\nstat {ours:#?}\nrecord {theirs:#?}");

        let slabs: Vec<SlabEvent> = all(&trace);
        let kmallocs = slabs.iter().filter(|slab| slab.kind == Kind::Kmalloc as u8);
        let (count, bytes) =
            kmallocs.fold((0, 0), |(count, bytes), slab| (count + 1, bytes + u64::from(slab.bytes_alloc)));
        let total = &report["objects"]["total"];
        assert!(number(&total["allocs"]).abs_diff(count) <= missed, "{total} but {count} kmallocs in the trace");
        assert!(missed > 0 || number(&total["alloc_bytes"]) == bytes, "{total} but {bytes} bytes in the trace");
        assert!(number(&total["frees"]).abs_diff(slabs.len() as u64 - count) <= missed, "{total}");
    }
}

/// Each slab cache by its name, beside a trace of the same calls.
#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn slab_caches_agree_with_a_trace() {
    let workload = Workload::new();
    let tmp = TempDir::new().unwrap();
    let (dir, counts) = (tmp.path().join("trace"), tmp.path().join("counts"));
    let stat = format!(
        "exec '{}' stat --json --events cache --comm {} --by cache -- '{}' mixed --seconds 1 >'{}'",
        program("collector").display(),
        workload.comm,
        workload.path,
        counts.display()
    );
    let recorded = collector()
        .args(["record", "--events", "cache", "--comm", &workload.comm, "-o"])
        .arg(&dir)
        .args(["--", "sh", "-c", &stat])
        .output()
        .unwrap();
    assert!(recorded.status.success(), "{}", String::from_utf8_lossy(&recorded.stderr));
    let text = fs::read_to_string(&counts).unwrap();
    let report: Value = serde_json::from_str(&text[text.find("{\n").unwrap()..]).unwrap();
    balanced(&report);
    let trace = Trace::open(&dir).unwrap();
    let ledger = settled_ledger(&trace);
    let missed = number(&report["ledger"]["missed"]) + ledger["cache_alloc"].missed + ledger["cache_free"].missed;
    let names: BTreeMap<u16, String> = all::<Cache>(&trace).into_iter().map(|cache| (cache.id, cache.name)).collect();
    let mut theirs = BTreeMap::<String, (u64, u64)>::new();
    let mut bytes = 0;
    for slab in all::<SlabEvent>(&trace) {
        let sum = theirs.entry(format!("{:?}", names[&slab.cache])).or_default();
        if slab.kind == Kind::CacheAlloc as u8 {
            sum.0 += 1;
            bytes += u64::from(slab.bytes_alloc);
        } else {
            sum.1 += 1;
        }
    }
    let ours = by(&report, "objects", &["cache"]);
    let difference = difference(&ours, &theirs);
    println!(
        "{} caches, {} calls; {difference} counted differently, {missed} missed",
        ours.len(),
        number(&report["ledger"]["counted"])
    );
    assert!(ours.len() > 5 && difference <= missed, "stat {ours:#?}\nrecord {theirs:#?}");
    assert!(missed > 0 || number(&report["objects"]["total"]["alloc_bytes"]) == bytes);
}

#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn what_has_no_room_is_in_the_totals() {
    let workload = Workload::new();
    let (report, output) = stat(
        &[&["--comm", &workload.comm, "--by", "gfp,callsite,comm", "--rows", "3"][..], &workload.faults()].concat(),
    );
    assert!(number(&report["ledger"]["no_room"]) > 0, "{}", report["ledger"]);
    let rows = report["pages"]["rows"].as_array().unwrap().len() + report["objects"]["rows"].as_array().unwrap().len();
    assert!(rows <= 3, "{report:#}");
    assert!(number(&report["pages"]["total"]["allocs"]) >= told(&output, "minflt"), "{report:#}");
}

#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn filters_hold_in_every_row() {
    let workload = Workload::new();
    let mixed = ["--", &workload.path, "mixed", "--seconds", "1"];
    let (report, _) = stat(&[&["--order", "2", "--comm", &workload.comm, "--by", "order,comm"][..], &mixed].concat());
    let rows = report["pages"]["rows"].as_array().unwrap();
    assert!(
        !rows.is_empty() && rows.iter().all(|row| number(&row["order"]) >= 2 && row["comm"] == workload.comm),
        "{report:#}"
    );
    let (report, _) = stat(&[&["--gfp", "__GFP_ZERO", "--by", "gfp"][..], &mixed].concat());
    let rows = report["pages"]["rows"].as_array().unwrap();
    let named = |row: &Value| row["gfp"] == "-" || row["gfp"].as_str().unwrap().contains("__GFP_ZERO");
    assert!(rows.len() > 1 && rows.iter().all(named), "{report:#}");
}

/// The intervals are the whole: nothing falls between two of them.
#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn intervals_add_up() {
    let workload = program("workload");
    let arguments = [
        "stat",
        "--json",
        "--interval",
        "0.2",
        "--by",
        "order",
        "--",
        workload.to_str().unwrap(),
        "mixed",
        "--seconds",
        "1",
    ];
    let output = collector().args(arguments).output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8_lossy(&output.stdout);
    let mut reports: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|value: &Value| value.get("ledger").is_some())
        .collect();
    let total = reports.pop().unwrap();
    assert!(total["total"] == true && reports.len() >= 4, "{text}");
    for (family, key) in
        [("pages", "allocs"), ("pages", "free_bytes"), ("objects", "frees"), ("objects", "requested_bytes")]
    {
        let sum: u64 = reports.iter().map(|report| number(&report[family]["total"][key])).sum();
        assert_eq!(sum, number(&total[family]["total"][key]), "{family} {key}");
    }
    let times: Vec<f64> = reports.iter().map(|report| report["at_s"].as_f64().unwrap()).collect();
    assert!(times.is_sorted() && (times[0] - 0.2).abs() < 0.15, "{times:?}");
}

/// Who writes to `compact_memory` compacts each zone that has memory, once (`compact_nodes` in mm/compaction.c).
#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn compaction_is_timed_zone_by_zone() {
    let zoneinfo = fs::read_to_string("/proc/zoneinfo").unwrap();
    let populated = zoneinfo
        .lines()
        .filter(|line| line.trim_start().strip_prefix("present ").is_some_and(|pages| pages.trim() != "0"))
        .count();
    let before = std::time::Instant::now();
    let (report, _) = stat(&["--comm", "sh", "--", "sh", "-c", "echo 1 >/proc/sys/vm/compact_memory"]);
    let latency = &report["latency"]["compaction"];
    println!("{populated} zones: {latency}");
    assert_eq!((number(&latency["count"]), number(&latency["unpaired"])), (populated as u64, 0));
    assert!((1..before.elapsed().as_nanos()).contains(&u128::from(number(&latency["total_ns"]))));
    let buckets = latency["buckets"].as_array().unwrap();
    assert_eq!(buckets.iter().map(|bucket| number(&bucket["count"])).sum::<u64>(), populated as u64);
    assert!(buckets.iter().all(|bucket| number(&bucket["from_ns"]) <= number(&latency["max_ns"])));
}

/// The kernel counts itself how often an allocation began to reclaim, a retry being one more: `ALLOCSTALL` in
/// mm/vmscan.c.
#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn direct_reclaim_is_timed_as_often_as_allocations_stall() {
    if !is_guest() {
        println!("SKIPPED: only a guest of the kernel matrix may use up its memory");
        return;
    }
    let stalls = || {
        let vmstat = fs::read_to_string("/proc/vmstat").unwrap();
        let counts =
            vmstat.lines().filter_map(|line| line.strip_prefix("allocstall_")?.split_once(' ')?.1.parse::<u64>().ok());
        counts.sum::<u64>()
    };
    let before = stalls();
    let mut counting = Running::start(collector().args(["stat", "--json", "--interval", "0.2"]).stdout(Stdio::piped()));
    let mut lines = BufReader::new(counting.stdout.take().unwrap()).lines();
    lines.next().unwrap().unwrap(); // it counts
    want_too_many_huge_pages();
    let stalled = stalls() - before;
    assert!(Command::new("kill").args(["-INT", &counting.id().to_string()]).status().unwrap().success());
    let report: Value = serde_json::from_str(&lines.map(Result::unwrap).last().unwrap()).unwrap();
    let latency = &report["latency"]["direct_reclaim"];
    println!("{stalled} stalls: {latency}");
    assert!(
        report["total"] == true && (1..=stalled).contains(&number(&latency["count"])),
        "{stalled} stalls, {latency}"
    );
}

#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn privileges_are_gone_while_it_counts() {
    let mut command = collector();
    command
        .args(["stat", "--json", "--interval", "0.2", "--by", "zone,callsite"])
        .env("SUDO_UID", "1234")
        .env("SUDO_GID", "1234");
    let mut counting = Running::start(command.stdout(Stdio::piped()));
    let mut lines = BufReader::new(counting.stdout.take().unwrap()).lines();
    lines.next().unwrap().unwrap();
    let status = fs::read_to_string(format!("/proc/{}/status", counting.id())).unwrap();
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
    assert_eq!(field("Uid:").split_whitespace().collect::<Vec<_>>(), ["1234"; 4]);
    // CAP_BPF is number 39 (include/uapi/linux/capability.h).
    assert_eq!(u64::from_str_radix(&field("CapEff:"), 16).unwrap() & !(1 << 39), 0);
    assert_eq!(field("NoNewPrivs:"), "1");
    // And it still counts: what was opened and loaded before stays readable.
    let report: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert!(number(&report["ledger"]["seen"]) > 0, "{report}");
}

#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn call_sites_and_caches_have_names() {
    // A pipe's buffers are an array from the kmalloc caches, made in `alloc_pipe_info` (fs/pipe.c).
    let workload = Workload::new();
    let arguments = [
        "--events",
        "slab",
        "--comm",
        &workload.comm,
        "--by",
        "callsite,cache",
        "--",
        &workload.path,
        "objects",
        "--pipes",
        "100",
        "--seconds",
        "0.1",
    ];
    let (report, _) = stat(&arguments);
    let rows = report["objects"]["rows"].as_array().unwrap();
    let pipe = rows
        .iter()
        .find(|row| row["callsite"].as_str().unwrap().starts_with("alloc_pipe_info+0x") && row["cache"] != "-");
    let pipe = pipe.unwrap_or_else(|| panic!("{report:#}"));
    assert!(number(&pipe["allocs"]) >= 100 && pipe["cache"].as_str().unwrap().starts_with("kmalloc-"), "{pipe}");
    let size: u64 = pipe["cache"].as_str().unwrap().trim_start_matches("kmalloc-").parse().unwrap();
    assert_eq!(number(&pipe["alloc_bytes"]), size * number(&pipe["allocs"]));
    assert!(number(&pipe["requested_bytes"]) <= number(&pipe["alloc_bytes"]));
}
