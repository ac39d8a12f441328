//! The same recording, counted by `perf kmem stat` and by `analyzer kmem`. Needs root and perf, so `.ci/live.sh` runs it by name:
//! `cargo test --release -p analyzer --test perf_kmem -- --ignored`.

use std::{collections::BTreeMap, path::Path, process::Command};

use serde_json::Value;

/// Runs a program and returns what it printed.
fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).env("LC_ALL", "C").output().unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Records `events` while something allocates, and imports what perf script prints.
fn record(dir: &Path, events: &str) -> (String, String) {
    let path = |name: &str| dir.join(name).to_str().unwrap().to_owned();
    let (data, text, trace) = (path("perf.data"), path("perf.txt"), path("trace"));
    run(
        "perf",
        &[
            "record",
            "-q",
            "-a",
            "-R",
            "-c",
            "1",
            "-m",
            "16M",
            "-e",
            events,
            "-o",
            &data,
            "--",
            "sh",
            "-c",
            "for i in 1 2 3 4 5; do ls -R /usr/bin > /dev/null; done",
        ],
    );
    std::fs::write(&text, run("perf", &["script", "-i", &data, "--ns", "-F", "comm,tid,cpu,time,event,trace"])).unwrap();
    run(env!("CARGO_BIN_EXE_analyzer"), &["import", &text, "-o", &trace]);
    (data, trace)
}

/// The numbers of a line of perf's report: those behind the colon, or all of a row of a table.
fn numbers(line: &str) -> Vec<i64> {
    let text = line.split_once(':').map_or(line, |(_, numbers)| numbers);
    text.split(|c: char| !c.is_ascii_digit() && c != '.').filter_map(|word| if word == "." { Some(0) } else { word.parse().ok() }).collect()
}

fn perf_lines(report: &str) -> BTreeMap<String, Vec<i64>> {
    report.lines().filter_map(|line| Some((line.split_once(':')?.0.trim().to_lowercase(), numbers(line)))).collect()
}

#[test]
#[ignore = "needs root and perf: run by .ci/live.sh"]
fn pages_agree_in_every_number() {
    let dir = tempfile::tempdir().unwrap();
    let (data, trace) = record(dir.path(), "kmem:mm_page_alloc,kmem:mm_page_free");
    let report = run("perf", &["kmem", "-i", &data, "--page", "stat"]);
    let perf = perf_lines(&report);
    let ours: Value = serde_json::from_str(&run(env!("CARGO_BIN_EXE_analyzer"), &["kmem", &trace, "--page", "--json"])).unwrap();
    let rows = ours["page_allocator"].as_array().unwrap();
    assert_eq!(rows.len(), 6);
    for row in rows {
        let theirs = &perf[row["what"].as_str().unwrap()];
        assert_eq!([row["count"].as_i64().unwrap(), row["bytes"].as_i64().unwrap() / 1024], theirs[..2], "{row}");
    }
    assert!(rows[0]["count"].as_i64().unwrap() > 1000, "too little was recorded to prove anything: {report}");
    let orders = ours["allocations_by_order_and_migratetype"].as_array().unwrap();
    let table = report.lines().skip_while(|line| !line.starts_with("-----")).skip(1);
    for (row, line) in orders.iter().zip(table) {
        let theirs = numbers(line);
        let counts: Vec<i64> = (0..3).map(|migratetype| row[migratetype.to_string()].as_i64().unwrap_or(0)).collect();
        assert_eq!((row["order"].as_i64().unwrap(), &counts[..]), (theirs[0], &theirs[1..4]), "{line}");
    }
}

#[test]
#[ignore = "needs root and perf: run by .ci/live.sh"]
fn objects_agree_in_every_number() {
    let dir = tempfile::tempdir().unwrap();
    let (data, trace) = record(dir.path(), "kmem:kmalloc,kmem:kfree,kmem:kmem_cache_alloc,kmem:kmem_cache_free");
    let report = run("perf", &["kmem", "-i", &data, "--slab", "stat"]);
    let perf = perf_lines(&report);
    let ours: Value = serde_json::from_str(&run(env!("CARGO_BIN_EXE_analyzer"), &["kmem", &trace, "--slab", "--json"])).unwrap();
    let row = |what: &str| ours["slab_allocator"].as_array().unwrap().iter().find(|row| row["what"] == what).unwrap()["bytes"].as_i64().unwrap();
    assert_eq!(row("requested"), perf["total bytes requested"][0], "{report}");
    assert_eq!(row("allocated"), perf["total bytes allocated"][0]);
    assert_eq!(row("freed"), perf["total bytes freed"][0]);
    assert_eq!(row("wasted on internal fragmentation"), perf["total bytes wasted on internal fragmentation"][0]);
    assert!(row("requested") > 100_000, "too little was recorded to prove anything: {report}");
}
