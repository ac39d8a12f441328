//! Sampling keeps what belongs together; and the account stays exact whatever happens to the collector and to the
//! machine.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use tempfile::TempDir;
use trace::{Kind, NO_PFN, PageEvent, Trace};

use crate::{
    common::{Running, all, collector, program, settled_ledger, stop, wait_for_batch_of},
    pressure::is_guest,
};

fn start(dir: &Path, arguments: &[&str]) -> Running {
    let recording = Running::start(
        collector()
            .args(["record", "--no-frames", "--events", "page"])
            .args(arguments)
            .arg("-o")
            .arg(dir)
            .stderr(Stdio::null()),
    );
    wait_for_batch_of("task", dir);
    recording
}

/// Allocations by order, and the median lifetime of single pages.
fn figures(trace: &Trace) -> (BTreeMap<u8, u64>, u64) {
    let (mut allocs, mut since, mut lifetimes) = (BTreeMap::new(), HashMap::new(), Vec::new());
    for page in all::<PageEvent>(trace) {
        if page.kind == Kind::PageAlloc as u8 && page.pfn != NO_PFN {
            *allocs.entry(page.order).or_default() += 1;
            since.insert((page.pfn, page.order), page.time);
        } else if let Some(born) = since.remove(&(page.pfn, page.order))
            && page.order == 0
        {
            lifetimes.push(page.time - born);
        }
    }
    lifetimes.sort_unstable();
    (allocs, lifetimes[lifetimes.len() / 2])
}

/// Two collectors watch the same work at once, one of them a tenth of it.
#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn a_tenth_of_the_frames_tells_what_all_of_them_tell() {
    let tmp = TempDir::new().unwrap();
    let (dir, tenth) = (tmp.path().join("all"), tmp.path().join("tenth"));
    // Single pages that come and go, over more frames than a cache of a CPU holds: chance must not rest on a few of
    // them.
    let named = tmp.path().join("gfpsample");
    fs::copy(program("workload"), &named).unwrap();
    let mut recordings =
        [start(&dir, &["--comm", "gfpsample"]), start(&tenth, &["--comm", "gfpsample", "--sample", "10"])];
    for _ in 0..4 {
        assert!(
            Command::new(&named).args(["faults", "--pages", "50000"]).stdout(Stdio::null()).status().unwrap().success()
        );
    }
    recordings.iter_mut().for_each(stop);
    let (all_of_it, tenth) = (Trace::open(&dir).unwrap(), Trace::open(&tenth).unwrap());
    settled_ledger(&all_of_it);
    let ledger = settled_ledger(&tenth);
    assert_eq!(tenth.header.sample, 10);
    assert!(
        ledger["page_alloc"].filtered > ledger["page_alloc"].written,
        "what is not followed is counted: {ledger:?}"
    );
    let ((allocs, median), (sampled, sampled_median)) = (figures(&all_of_it), figures(&tenth));
    println!("allocations {allocs:?}, sampled {sampled:?}; median lifetime {median} ns, sampled {sampled_median} ns");
    for (order, count) in allocs.iter().filter(|(_, count)| **count >= 20_000) {
        let estimate = sampled[order] * 10;
        assert!(estimate.abs_diff(*count) * 20 <= *count, "order {order}: {count}, estimated {estimate}");
    }
    assert!(sampled_median.abs_diff(median) * 20 <= median, "median {median}, sampled {sampled_median}");
}

#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn the_account_balances_when_the_collector_is_stopped_for_five_seconds() {
    let tmp = TempDir::new().unwrap();
    let dir = tmp.path().join("trace");
    let mut recording = start(&dir, &["--ring-size", "256K"]);
    let load =
        Running::start(Command::new(program("workload")).args(["mixed", "--seconds", "60"]).stdout(Stdio::null()));
    let signal = |name: &str| {
        assert!(Command::new("kill").args([name, &recording.id().to_string()]).status().unwrap().success());
    };
    signal("-STOP");
    thread::sleep(Duration::from_secs(5));
    signal("-CONT");
    thread::sleep(Duration::from_secs(1));
    stop(&mut recording);
    drop(load);
    let trace = Trace::open(&dir).unwrap();
    assert_eq!(trace.verify(), []);
    let ledger = settled_ledger(&trace);
    assert!(ledger["page_alloc"].dropped > 0, "five seconds do not fit into 256 KiB: {ledger:?}");
}

/// In the guests, and on a CI machine: elsewhere others work on that CPU.
#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn the_account_balances_when_a_cpu_goes_and_comes() {
    if !is_guest() && std::env::var_os("CI").is_none() {
        println!(
            "SKIPPED: a CPU is taken away in the guests of the kernel matrix and on CI machines only: here others work on it"
        );
        return;
    }
    let online = "/sys/devices/system/cpu/cpu1/online";
    let tmp = TempDir::new().unwrap();
    // With the CPU gone from the start, too: its ring is there when it comes.
    for gone_at_first in [false, true] {
        let dir = tmp.path().join(format!("trace-{gone_at_first}"));
        fs::write(online, if gone_at_first { "0" } else { "1" }).unwrap();
        let mut recording = start(&dir, &["--snapshot-interval", "0.2"]);
        let load =
            Running::start(Command::new(program("workload")).args(["mixed", "--seconds", "60"]).stdout(Stdio::null()));
        for state in ["0", "1"] {
            fs::write(online, state).unwrap();
            thread::sleep(Duration::from_secs(1));
        }
        stop(&mut recording);
        drop(load);
        let trace = Trace::open(&dir).unwrap();
        assert_eq!(trace.verify(), []);
        settled_ledger(&trace);
        let last =
            all::<trace::Ledger>(&trace).into_iter().rfind(|row| row.cpu == 1 && row.program == "page_alloc").unwrap();
        assert!(last.written > 0, "the CPU that came has a ring: {last:?}");
    }
}
