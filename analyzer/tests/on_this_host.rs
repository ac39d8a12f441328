//! The analyzer on what this very machine does: a leak of known rate is found, and the fragmentation indices are the kernel's. Needs root, the
//! collector and its workload, so `.ci/live.sh` runs it by name: `cargo test --release --test on_this_host -- --include-ignored`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use analyzer::frag;
use serde_json::Value;
use trace::{Cache, Ledger, Options, Row, SlabEvent, SlabInfo, Symbol, Task, Trace, Writer};

/// A program that cargo built beside this test.
fn program(name: &str) -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_analyzer")).with_file_name(name)
}

/// Records slab events for some seconds while a workload runs that ends only after the recording.
fn record(dir: &Path, workload: &[&str]) -> PathBuf {
    let trace = dir.join("trace");
    let mut work = Command::new(program("examples").join("workload")).args(workload).stdout(Stdio::null()).spawn().unwrap();
    let recorded =
        Command::new(program("collector")).args(["record", "--events", "slab,cache", "--duration", "5", "-o"]).arg(&trace).output().unwrap();
    assert!(recorded.status.success(), "{}", String::from_utf8_lossy(&recorded.stderr));
    assert!(work.wait().unwrap().success());
    trace
}

/// The suspects in order, as the command prints them.
fn suspects(trace: &Path) -> Vec<(String, f64)> {
    let output = Command::new(env!("CARGO_BIN_EXE_analyzer")).arg("leaks").arg(trace).args(["--by", "function", "--json"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let rows: Value = serde_json::from_slice(&output.stdout).unwrap();
    let suspect = |row: &Value| (row["function"].as_str().unwrap().to_owned(), row["confidence"].as_f64().unwrap());
    rows.as_array().unwrap().iter().map(suspect).collect()
}

/// The same trace with one free in twenty left out, by chance.
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

/// What an eventfd is made of: the descriptor's context, its file, the file's dentry, and what belongs to these.
const EVENTFD: [&str; 4] = ["do_eventfd", "alloc_empty_file", "__d_alloc", "security_file_alloc"];

#[test]
#[ignore = "needs root and the collector: run by .ci/live.sh"]
fn a_leak_is_ranked_first_and_still_is_when_frees_are_missing() {
    let dir = tempfile::tempdir().unwrap();
    let trace = record(dir.path(), &["leak", "--rate", "500", "--seconds", "8"]);
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
#[ignore = "needs root and the collector: run by .ci/live.sh"]
fn a_busy_machine_that_keeps_nothing_is_not_accused() {
    let dir = tempfile::tempdir().unwrap();
    let trace = record(dir.path(), &["mixed", "--seconds", "8"]);
    let suspects = suspects(&trace);
    // What the workload does most with objects that are freed without an event.
    for innocent in ["do_epoll_create", "__do_sys_timerfd_create", "do_eventfd", "alloc_empty_file", "mas_preallocate", "vm_area_dup"] {
        assert!(suspects.iter().all(|(name, _)| name != innocent), "{suspects:?}");
    }
}

/// The numbers of every line of a file of debugfs' extfrag or of `/proc/buddyinfo`, by zone. The indices are printed with three decimals.
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
#[ignore = "needs root and debugfs: run by .ci/live.sh"]
fn both_indices_are_the_kernels_at_the_same_moment() {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let extfrag = "/sys/kernel/debug/extfrag";
    if !Path::new(extfrag).exists() {
        println!("SKIPPED: this kernel has no {extfrag} (CONFIG_COMPACTION, debugfs)");
        return;
    }
    let mut compared = 0;
    // Free memory moves all the time: what counts is a zone whose buddyinfo was the same before and after.
    for _ in 0..500 {
        let before = by_zone(&read("/proc/buddyinfo"));
        let (unusable, index) = (by_zone(&read(&format!("{extfrag}/unusable_index"))), by_zone(&read(&format!("{extfrag}/extfrag_index"))));
        let after = by_zone(&read("/proc/buddyinfo"));
        for (zone, nr_free) in before.iter().filter(|zone| after.contains(zone)) {
            let blocks: Vec<u64> = nr_free.iter().map(|blocks| blocks.cast_unsigned()).collect();
            let of = |indices: &[(String, Vec<i64>)]| indices.iter().find(|(name, _)| name == zone).map(|(_, numbers)| numbers.clone());
            let ours = |formula: fn(&[u64], usize) -> i64| (0..blocks.len()).map(|order| formula(&blocks, order)).collect::<Vec<_>>();
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
