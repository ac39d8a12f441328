//! These tests compare the reports of `perf kmem stat` and of `analyzer kmem --perf-compat` on the same recording,
//! which must be equal to the letter. The tests need root and perf, so `cargo xtask live` runs them by name: `cargo
//! test --release --test perf_kmem -- --include-ignored`.

use std::{path::Path, process::Command};

use serde_json::Value;

/// Runs a program and returns its output on stdout.
fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .env("LC_ALL", "C")
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn analyzer(arguments: &[&str]) -> String {
    run(env!("CARGO_BIN_EXE_analyzer"), arguments)
}

/// Records every kmem event during a workload. Returns the path of the `perf.data`.
fn record(dir: &Path, options: &[&str]) -> String {
    let data = dir.join("perf.data").to_str().unwrap().to_owned();
    // The programs run at the same time, so that many objects are live at once, each at its own address.
    let work = [
        "--",
        "sh",
        "-c",
        "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do ls -lR /usr/bin > /dev/null & done; wait",
    ];
    run(
        "perf",
        &[&["record", "-q", "-a", "-R", "-c", "1", "-m", "16M", "-e", "kmem:*", "-o", &data], options, &work].concat(),
    );
    data
}

/// Compares both reports with these options, line by line. Returns the number of their lines.
fn assert_equal(data: &str, trace: &str, options: &[&str]) -> usize {
    let perf = run("perf", &[&["kmem", "-i", data], options, &["stat"]].concat());
    let ours = analyzer(&[&["kmem", trace, "--perf-compat"], options].concat());
    for (number, (theirs, ours)) in perf.lines().zip(ours.lines()).enumerate() {
        assert_eq!(ours, theirs, "line {} with {options:?}", number + 1);
    }
    assert_eq!(ours.lines().count(), perf.lines().count(), "{options:?}");
    perf.lines().count()
}

#[test]
#[ignore = "needs root and perf: run by cargo xtask live"]
fn every_table_is_perfs_to_the_letter() {
    let dir = tempfile::tempdir().unwrap();
    let data = record(dir.path(), &[]);
    let trace = dir.path().join("trace").to_str().unwrap().to_owned();
    analyzer(&["import", &data, "-o", &trace]);
    for options in [
        &["--slab"][..],
        &["--page"],
        &["--slab", "--page"],
        &["--slab", "--caller", "--raw-ip"],
        &["--page", "--live"],
    ] {
        assert_equal(&data, &trace, options);
    }
    for key in ["callsite", "bytes", "hit", "pingpong", "frag", "bytes,hit"] {
        let lines = assert_equal(&data, &trace, &["--slab", "--caller", "-s", key, "--alloc", "-s", key]);
        assert!(lines > 1000, "too little was recorded to prove anything: {lines} lines by {key}");
    }
    assert_equal(&data, &trace, &["--slab", "--alloc", "-s", "ptr"]);
    for key in ["page", "callsite", "bytes", "hit", "order", "migtype", "gfp", "order,migtype,bytes"] {
        let lines = assert_equal(&data, &trace, &["--page", "--caller", "-s", key, "--alloc", "-s", key]);
        assert!(lines > 300, "too little was recorded to prove anything: {lines} lines by {key}");
        assert_equal(&data, &trace, &["--page", "--live", "--caller", "-s", key, "--alloc", "-s", key]);
    }
    // perf has no table of caches, so the names are compared with the kernel's.
    let caches: Value =
        serde_json::from_str(&analyzer(&["stat", &trace, "--slab", "--by", "cache,kind", "--json"])).unwrap();
    let slabinfo = std::fs::read_to_string("/proc/slabinfo").unwrap();
    let known: Vec<&str> = slabinfo.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let of_caches = caches
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["kind"] == "cache_alloc")
        .map(|row| row["cache"].as_str().unwrap());
    let names: Vec<&str> = of_caches.collect();
    assert!(
        names.len() > 10 && names.contains(&"dentry") && names.iter().all(|name| known.contains(name)),
        "{names:?}"
    );
    // A cut table ends with a line of dots, and an option is about the table before it.
    assert_equal(&data, &trace, &["--slab", "--caller", "-l", "7", "--alloc", "-l", "30"]);
    assert_equal(&data, &trace, &["--page", "--alloc", "-l", "9", "--caller", "-s", "hit"]);
    let info: Value = serde_json::from_str(&analyzer(&["info", &trace, "--json"])).unwrap();
    let [from, to] = [0, 1].map(|end| info["time_range_ns"][end].as_u64().unwrap());
    let third = (to - from) / 3;
    let at = |time: u64| format!("{}.{:09}", time / 1_000_000_000, time % 1_000_000_000);
    assert_equal(
        &data,
        &trace,
        &["--slab", "--page", "--caller", "--time", &format!("{},{}", at(from + third), at(to - third))],
    );
}

#[test]
#[ignore = "needs root and perf: run by cargo xtask live"]
fn what_perf_script_prints_gives_the_same_sums() {
    let dir = tempfile::tempdir().unwrap();
    let data = record(dir.path(), &[]);
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("text"), run("perf", &["script", "-i", &data, "--ns", "-F", "comm,tid,cpu,time,event,trace"]))
        .unwrap();
    analyzer(&["import", &path("text"), "-o", &path("trace")]);
    let lines = assert_equal(&data, &path("trace"), &["--slab", "--page"]);
    assert_eq!(lines, 35, "both summaries");
}
