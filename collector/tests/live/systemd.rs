//! The systemd unit for a continuous record, without systemd: its commands, in a directory of the test's.

use std::{fs, path::Path, process::Command};

use tempfile::TempDir;
use trace::Trace;

use crate::common::{program, settled_ledger};

/// The command of a line of the unit, as systemd would run it (systemd.service(5): `$$` is `$`, `%%` is `%`).
fn command(unit: &str, key: &str, state: &Path) -> Vec<String> {
    let line =
        unit.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).unwrap_or_else(|| panic!("no {key}"));
    let collector = program("collector");
    let line = line.replace("$$", "$").replace("%%", "%").replace("/var/lib/gfpscope", state.to_str().unwrap());
    let line = line
        .replace("/usr/local/bin/collector", collector.to_str().unwrap())
        .replace("--duration 3600", "--duration 1");
    match line.split_once(" -c '") {
        Some((shell, script)) => vec![shell.to_owned(), "-c".to_owned(), script.trim_end_matches('\'').to_owned()],
        None => line.split_whitespace().map(str::to_owned).collect(),
    }
}

#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn the_unit_records_one_trace_after_the_other_and_removes_old_ones() {
    let unit = include_str!("../../systemd/gfpscope.service");
    let state = TempDir::new().unwrap();
    let old = state.path().join("20200101T000000Z");
    fs::create_dir(&old).unwrap();
    assert!(Command::new("touch").args(["-d", "2020-01-01 00:00:00"]).arg(&old).status().unwrap().success());
    for _ in 0..2 {
        for key in ["ExecStartPre", "ExecStart"] {
            let words = command(unit, key, state.path());
            let program = words[0].replace("/usr/bin/find", "find");
            assert!(Command::new(&program).args(&words[1..]).status().unwrap().success(), "{words:?}");
        }
    }
    let traces: Vec<_> = fs::read_dir(state.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!traces.contains(&old) && traces.len() == 2, "{traces:?}");
    for path in traces {
        let trace = Trace::open(&path).unwrap();
        assert_eq!((trace.verify(), trace.header.sample), (vec![], 100));
        settled_ledger(&trace);
    }
}
