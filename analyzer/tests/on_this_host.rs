//! These tests compare the analyzer with the machine that they run on: a leak of known rate is found, the fragmentation
//! indices are the kernel's, and the free blocks computed between two snapshots are those of the next snapshot. The
//! tests need root, the collector and its workload, so `cargo xtask live` runs them by name: `cargo test --release
//! --test on_this_host -- --include-ignored`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use analyzer::{
    batches::silent,
    frag::{self, Basis, Drift, Wanted},
    info::Info,
    snapshots,
};
use serde_json::Value;
use trace::{
    Cache, FragEvent, Ledger, Options, PageEvent, Row, SlabEvent, SlabInfo, SnapshotWindow, Symbol, Task, Trace,
    VmStat, Writer,
};

/// Returns the path of a program that cargo built beside this test.
fn program(name: &str) -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_analyzer")).with_file_name(name)
}

/// Records events for five seconds, while a workload runs that ends after the recording. Returns the trace's directory.
fn record(dir: &Path, events: &str, workload: &[&str]) -> PathBuf {
    let trace = dir.join("trace");
    let mut work =
        Command::new(program("examples").join("workload")).args(workload).stdout(Stdio::null()).spawn().unwrap();
    let recorded = Command::new(program("collector"))
        .args(["record", "--events", events, "--duration", "5", "-o"])
        .arg(&trace)
        .output()
        .unwrap();
    assert!(recorded.status.success(), "{}", String::from_utf8_lossy(&recorded.stderr));
    assert!(work.wait().unwrap().success());
    trace
}

/// Returns the functions that `analyzer leaks` suspects, in its order, each with the confidence.
fn suspects(trace: &Path) -> Vec<(String, f64)> {
    let output = Command::new(env!("CARGO_BIN_EXE_analyzer"))
        .arg("leaks")
        .arg(trace)
        .args(["--by", "function", "--json"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let rows: Value = serde_json::from_slice(&output.stdout).unwrap();
    let suspect = |row: &Value| (row["function"].as_str().unwrap().to_owned(), row["confidence"].as_f64().unwrap());
    rows.as_array().unwrap().iter().map(suspect).collect()
}

/// Writes a copy of a trace from which one free in twenty is left out at random.
fn without_some_frees(from: &Path, to: &Path) {
    let trace = Trace::open(from).unwrap();
    let mut writer = Writer::create(to, &trace.header, Options::default()).unwrap();
    let frees = ["kfree", "cache_free"].map(|kind| trace.header.kinds[kind]);
    let mut random = 88_172_645_463_325_252_u64;
    for rows in trace.rows::<SlabEvent>() {
        let mut rows = rows.unwrap();
        rows.retain(|event| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            !frees.contains(&event.kind) || !random.is_multiple_of(20)
        });
        writer.append(&rows).unwrap();
    }
    copy::<Symbol>(&trace, &mut writer);
    copy::<Cache>(&trace, &mut writer);
    copy::<Task>(&trace, &mut writer);
    copy::<SlabInfo>(&trace, &mut writer);
    copy::<Ledger>(&trace, &mut writer);
    writer.finish(&trace.header).unwrap();
}

fn copy<R: Row>(trace: &Trace, writer: &mut Writer) {
    writer.append(&trace.all::<R>(&mut Vec::new())).map_err(|(error, _)| error).unwrap();
}

/// The functions that allocate the objects of an eventfd: the descriptor's context, its file, the file's dentry, and
/// the file's security data.
const EVENTFD: [&str; 4] = ["do_eventfd", "alloc_empty_file", "__d_alloc", "security_file_alloc"];

#[test]
#[ignore = "needs root and the collector: run by cargo xtask live"]
fn a_leak_is_ranked_first_and_still_is_when_frees_are_missing() {
    let dir = tempfile::tempdir().unwrap();
    let trace = record(dir.path(), "slab,cache", &["leak", "--rate", "500", "--seconds", "8"]);
    let thinned = dir.path().join("thinned");
    without_some_frees(&trace, &thinned);
    for trace in [trace, thinned] {
        let suspects = suspects(&trace);
        let (first, confidence) = suspects.first().expect("something is suspected");
        assert!(EVENTFD.contains(&first.as_str()) && *confidence > 0.5, "{suspects:?}");
        assert!(suspects.iter().any(|(name, confidence)| name == "do_eventfd" && *confidence > 0.8), "{suspects:?}");
    }
}

#[test]
#[ignore = "needs root and the collector: run by cargo xtask live"]
fn a_busy_machine_that_keeps_nothing_is_not_accused() {
    let dir = tempfile::tempdir().unwrap();
    let trace = record(dir.path(), "slab,cache", &["mixed", "--seconds", "8"]);
    let suspects = suspects(&trace);
    // These functions allocate most of the workload's objects whose frees have no event.
    for innocent in [
        "do_epoll_create",
        "__do_sys_timerfd_create",
        "do_eventfd",
        "alloc_empty_file",
        "mas_preallocate",
        "vm_area_dup",
    ] {
        assert!(suspects.iter().all(|(name, _)| name != innocent), "{suspects:?}");
    }
}

/// Reads the numbers of every line of `/proc/buddyinfo`, or of a file in debugfs' `extfrag`, by zone. The indices have
/// three decimals there, and are read in thousandths.
fn by_zone(text: &str) -> Vec<(String, Vec<i64>)> {
    let line = |line: &str| {
        let (place, rest) = line.split_once("zone")?;
        let mut words = rest.split_whitespace();
        let zone = format!("{place}{}", words.next()?);
        let numbers = words.map(|word| word.replace('.', "").parse().unwrap_or_else(|_| panic!("{line}")));
        Some((zone, numbers.collect()))
    };
    text.lines().filter_map(line).collect()
}

#[test]
#[ignore = "needs root and debugfs: run by cargo xtask live"]
fn both_indices_are_the_kernels_at_the_same_moment() {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let extfrag = "/sys/kernel/debug/extfrag";
    if !Path::new(extfrag).exists() {
        println!("SKIPPED: this kernel has no {extfrag} (CONFIG_COMPACTION, debugfs)");
        return;
    }
    let mut compared = 0;
    // Free memory changes all the time, so only zones whose buddyinfo was the same before and after are compared.
    for _ in 0..500 {
        let before = by_zone(&read("/proc/buddyinfo"));
        let (unusable, index) =
            (by_zone(&read(&format!("{extfrag}/unusable_index"))), by_zone(&read(&format!("{extfrag}/extfrag_index"))));
        let after = by_zone(&read("/proc/buddyinfo"));
        for (zone, nr_free) in before.iter().filter(|zone| after.contains(zone)) {
            let blocks: Vec<u64> = nr_free.iter().map(|blocks| blocks.cast_unsigned()).collect();
            let of = |indices: &[(String, Vec<i64>)]| {
                indices.iter().find(|(name, _)| name == zone).map(|(_, numbers)| numbers.clone())
            };
            let ours = |formula: fn(&[u64], usize) -> i64| {
                (0..blocks.len()).map(|order| formula(&blocks, order)).collect::<Vec<_>>()
            };
            assert_eq!(Some(ours(frag::unusable_index)), of(&unusable), "unusable index of {zone}: {blocks:?}");
            assert_eq!(Some(ours(frag::extfrag_index)), of(&index), "extfrag index of {zone}: {blocks:?}");
            compared += blocks.len();
        }
        let zones = before.len();
        if compared >= 100 * zones {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    assert!(compared > 100, "free memory never stood still: {compared} indices compared");
}

/// The changes of free blocks around a snapshot that the computed free blocks cannot contain.
struct Doubt {
    windows: Vec<SnapshotWindow>,
    moved: Vec<(u64, u8)>,
    ledger: Vec<Ledger>,
    vmstat: Vec<VmStat>,
}

impl Doubt {
    fn of(trace: &Trace) -> Self {
        let mut problems = Vec::new();
        let mut windows: Vec<SnapshotWindow> = trace.all(&mut problems);
        windows.retain(|window| window.source == "proc");
        let frag = trace.all::<FragEvent>(&mut problems).into_iter().map(|event| (event.time, event.zone));
        let (free, page_order) = (trace.header.kinds["page_free"], trace.header.pageblock_order);
        let pages = trace.all::<PageEvent>(&mut problems).into_iter();
        let straight_back = pages.filter(|event| event.kind == free && event.order > 3 && event.order != page_order);
        let moved = frag.chain(straight_back.map(|event| (event.time, event.zone))).collect();
        let (ledger, vmstat): (Vec<Ledger>, _) = (trace.all(&mut problems), trace.all(&mut problems));
        let left_out = ledger
            .iter()
            .filter(|row| ["zone_locked", "pcpu_drain", "extfrag"].contains(&row.program.as_str()) && row.filtered > 0)
            .count();
        assert_eq!(left_out, 0, "blocks that the collector takes and gives back are in the trace like any");
        assert_eq!(problems, [], "the trace is whole");
        Self { windows, moved, ledger, vmstat }
    }

    /// Returns the number of a zone's blocks that changed while a snapshot was read. The snapshot may have them or not.
    fn while_read(&self, time: u64, zone: u8) -> u64 {
        let window = self.windows.iter().find(|window| window.time == time).expect("a snapshot has a window");
        self.moved.iter().filter(|(at, of)| *of == zone && (window.time..=window.end).contains(at)).count() as u64
    }

    /// Returns the number of events until a time (ns) that may have changed free blocks, but are not in the trace: lost
    /// events, and the collector's own frees, of which the large ones bypass the pcp lists.
    fn unseen(&self, until: u64) -> u64 {
        let mut last = std::collections::BTreeMap::new();
        for row in self.ledger.iter().filter(|row| row.time <= until) {
            let own = if row.program == "page_free" { row.filtered } else { 0 };
            let count = if ["zone_locked", "pcpu_drain", "extfrag", "page_free"].contains(&row.program.as_str()) {
                row.dropped + row.missed + own
            } else {
                0
            };
            last.insert((&row.program, row.cpu), count);
        }
        last.values().sum()
    }

    /// Returns the number of pages that compaction or a balloon took or moved without an event between two snapshots,
    /// as `/proc/vmstat` counts them.
    fn untraced(&self, from: u64, to: u64) -> u64 {
        let count = |time: u64| -> i64 {
            let items =
                ["compact_isolated", "pgmigrate_success", "balloon_inflate", "balloon_deflate", "balloon_migrate"];
            self.vmstat
                .iter()
                .filter(|row| row.time == time && items.contains(&row.item.as_str()))
                .map(|row| row.value)
                .sum()
        };
        (count(to) - count(from)).unsigned_abs()
    }

    /// Returns the greatest number of blocks of any one order by which the computed free blocks may be wrong. An event
    /// changes the number of blocks of each order by one at most.
    fn bound(&self, drift: &Drift) -> u64 {
        let (time, zone) = (drift.read.time, drift.read.zone);
        let at = self.windows.iter().position(|window| window.time == time).expect("a snapshot has a window");
        let (before, after) =
            (self.windows[at - 1].time, self.windows.get(at + 1).map_or(u64::MAX, |window| window.time));
        // The ledger's rows are written right after a snapshot, so these counts cover the time between the two
        // snapshots, and some more.
        let unseen = self.unseen(after) - self.unseen(before);
        self.while_read(before, zone) + self.while_read(time, zone) + unseen + self.untraced(before, time)
    }
}

#[test]
#[ignore = "needs root and the collector: run by cargo xtask live"]
fn free_blocks_between_snapshots_are_those_of_buddyinfo() {
    let dir = tempfile::tempdir().unwrap();
    let trace = Trace::open(&record(dir.path(), "page,frag", &["mixed", "--seconds", "8"])).unwrap();
    let snapshots = snapshots::read(&trace, &mut Vec::new());
    let (found, _loss) = frag::read(&trace, &snapshots, &Wanted::default(), &silent).unwrap();
    let info = Info::read(&trace, &silent).unwrap();
    assert!(
        info.events["zone_locked"] > 0
            && info.events.values().sum::<u64>() == trace.rows_of("page") + trace.rows_of("frag"),
        "{:?}",
        info.events
    );
    let history = &found.history;
    assert_eq!(history.basis, Basis::FreeArea);
    let doubt = Doubt::of(&trace);
    println!("{}", history.contradictions.sentence());
    // A page that is freed while its CPU's pcp list is locked (in an interrupt, or while another CPU drains the list)
    // goes straight to the free area, without an event. This is noticed only when the page leaves the free area again,
    // mostly within a tenth of a second. The pages that are still there at a snapshot are at most all those that were
    // noticed.
    let past_the_lists = history.contradictions.left_unseen;
    let (mut drifted, mut changed) = (0, 0);
    for drift in &history.drifts {
        let (time, zone) = (drift.read.time, drift.read.zone);
        let before = snapshots.iter().rfind(|snapshot| snapshot.zone == zone && snapshot.time < time).unwrap();
        let change: u64 = drift
            .read
            .nr_free
            .iter()
            .zip(&before.nr_free)
            .enumerate()
            .map(|(order, (now, then))| now.abs_diff(*then) << order)
            .sum();
        let bound = doubt.bound(drift) + past_the_lists;
        let differences: Vec<i64> = drift
            .tracked
            .iter()
            .zip(&drift.read.nr_free)
            .map(|(tracked, read)| tracked.cast_signed() - read.cast_signed())
            .collect();
        println!(
            "{:>7} at {:.2} s: {differences:?} of at most {bound}; {} pages, {:.4} % of the free ones; {change} changed since the snapshot before",
            trace.header.zone_name(zone),
            (time - trace.header.clock.start_ns) as f64 / 1e9,
            drift.pages(),
            drift.share() * 100.0,
        );
        assert!(differences.iter().all(|difference| difference.unsigned_abs() <= bound), "{drift:?}");
        (drifted, changed) = (drifted + drift.pages(), changed + change);
    }
    assert!(
        history.drifts.len() >= 3 && changed > 0,
        "there is something to compare: {} snapshots, {changed} pages",
        history.drifts.len()
    );
    // The computed free blocks must be better than the assumption that nothing has changed since the snapshot before.
    assert!(drifted * 2 < changed, "reckoned wrongly: {drifted} pages; changed: {changed}");
}

/// The directory of a memory cgroup that is removed at the end of the test.
struct MemoryCgroup(PathBuf);

impl Drop for MemoryCgroup {
    fn drop(&mut self) {
        fs::remove_dir(&self.0).unwrap();
    }
}

/// A pipe is refused pages because its cgroup is at the limit. The kernel has these pages, frees them, and reports a
/// failed allocation, which must not be counted as a lack of memory.
#[test]
#[ignore = "needs root and the collector: run by cargo xtask live"]
fn what_a_cgroup_may_not_have_is_no_want_of_memory() {
    let memory = Path::new("/sys/fs/cgroup/memory");
    if !memory.join("memory.oom_control").exists() {
        println!(
            "SKIPPED: without version 1 of the memory cgroups, where the OOM killer can be kept out, it comes before any allocation fails"
        );
        return;
    }
    let cgroup = MemoryCgroup(memory.join(format!("gfpscope-{}", std::process::id())));
    fs::create_dir(&cgroup.0).unwrap();
    let set = |name: &str, value: &str| fs::write(cgroup.0.join(name), value).unwrap();
    set("memory.limit_in_bytes", "16M");
    set("memory.oom_control", "1");
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("trace");
    // Python allocates everything else before it writes. A page fault of Python's at the limit would wait in the
    // kernel, and no pipe would be refused.
    let pipes = "import os\ndata = bytes(65536)\npipes = [os.pipe() for _ in range(400)]\nfor _, into in pipes:\n    os.write(into, data)";
    let script = format!("echo $$ > {}/cgroup.procs; exec timeout 5 python3 -c '{pipes}'", cgroup.0.display());
    let recording = Command::new(program("collector"))
        .args(["record", "--events", "page", "--no-frames", "-o"])
        .arg(&trace)
        .args(["--", "sh", "-c", &script])
        .output()
        .unwrap();
    assert!(recording.status.success(), "{}", String::from_utf8_lossy(&recording.stderr));
    let output = Command::new(env!("CARGO_BIN_EXE_analyzer")).arg("lint").arg(&trace).arg("--json").output().unwrap();
    let findings: Value = serde_json::from_slice(&output.stdout).unwrap();
    let of_python = |rule: &str| {
        findings.as_array().unwrap().iter().any(|finding| finding["rule"] == rule && finding["comm"] == "python3")
    };
    assert!(of_python("over-limit") && !of_python("failed"), "{findings:#}");
}
