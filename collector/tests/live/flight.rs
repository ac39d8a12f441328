//! The flight recorder.

use std::{
    fs,
    io::Read as _,
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use memmap2::MmapMut;
use tempfile::TempDir;
use trace::{Kind, NO_PFN, PageEvent, ProblemKind, ReclaimEvent, Trace};

use crate::{
    common::{Running, all, collector, program, settled_ledger, stop},
    pressure::{fragment, is_guest, named, provoke_oom, want_too_many_huge_pages},
};

/// Keeps so many seconds, and returns when it has them.
fn start(dir: &Path, seconds: u64, arguments: &[&str]) -> Running {
    let mut command = collector();
    command
        .args(["record", "--flight-recorder", &seconds.to_string()])
        .args(arguments)
        .arg("-o")
        .arg(dir)
        .stderr(Stdio::null());
    let recording = Running::start(&mut command);
    wait_until_attached(&recording);
    thread::sleep(Duration::from_secs(seconds));
    recording
}

/// It is attached when it has renounced new privileges.
fn wait_until_attached(recording: &Running) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !fs::read_to_string(format!("/proc/{}/status", recording.id())).unwrap().contains("NoNewPrivs:\t1") {
        assert!(Instant::now() < deadline, "the collector did not start in a minute");
        thread::sleep(Duration::from_millis(20));
    }
}

/// A trace that is finished.
fn flight(dir: &Path, number: u32) -> Trace {
    let path = dir.join(format!("{number:04}"));
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        match Trace::open(&path) {
            Ok(trace) if trace.header.finished.is_some() => return trace,
            other => {
                assert!(
                    Instant::now() < deadline,
                    "{}: {:?}",
                    path.display(),
                    other.map(|trace| trace.header.finished)
                );
            }
        }
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn a_signal_writes_the_last_seconds_and_the_recording_goes_on() {
    let tmp = TempDir::new().unwrap();
    let dir = tmp.path().join("flights");
    let load =
        Running::start(Command::new(program("workload")).args(["mixed", "--seconds", "60"]).stdout(Stdio::null()));
    let mut recording = start(&dir, 3, &["--events", "page", "--trigger", "oom"]);
    thread::sleep(Duration::from_secs(2));
    for number in 1..=2 {
        assert!(Command::new("kill").args(["-USR1", &recording.id().to_string()]).status().unwrap().success());
        let trace = flight(&dir, number);
        settled_ledger(&trace);
        assert_eq!(trace.verify(), []);
        let pages: Vec<PageEvent> = all(&trace);
        let (first, last) = (pages.first().unwrap().time, pages.last().unwrap().time);
        assert!(last - first <= 3_700_000_000, "{} ms", (last - first) / 1_000_000);
        assert!(number == 2 || last - first >= 2_000_000_000, "{} ms", (last - first) / 1_000_000);
        assert!(trace.header.options["flight_recorder"].contains("signal"));
        thread::sleep(Duration::from_secs(1));
    }
    stop(&mut recording);
    drop(load);
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 2, "nothing else was written");
}

#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn the_oom_killer_makes_it_write() {
    let tmp = TempDir::new().unwrap();
    let dir = tmp.path().join("flights");
    let mut recording = start(&dir, 3, &["--events", "page", "--trigger", "oom"]);
    provoke_oom(&program("workload"));
    let trace = flight(&dir, 1);
    stop(&mut recording);
    settled_ledger(&trace);
    assert!(
        trace.header.options["flight_recorder"].starts_with("the OOM killer chose process"),
        "{:?}",
        trace.header.options
    );
    let events: Vec<ReclaimEvent> = all(&trace);
    let victim =
        events.iter().find(|event| event.kind == Kind::OomVictim as u8).expect("the event that made it write is there");
    let pages: Vec<PageEvent> = all(&trace);
    assert!(pages.iter().any(|page| page.time < victim.time), "and what led to it");
}

/// An allocation that waits for compaction makes it write; a compaction that nobody waits for does not.
#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn a_compaction_that_is_waited_for_makes_it_write() {
    if !is_guest() {
        println!(
            "SKIPPED: allocations are made to wait in the guests of the kernel matrix only: here it would take the memory of others"
        );
        return;
    }
    let tmp = TempDir::new().unwrap();
    let dir = tmp.path().join("flights");
    let mut recording = start(&dir, 3, &["--events", "page", "--trigger", "compaction=0"]);
    fs::write("/proc/sys/vm/compact_memory", "1").unwrap();
    thread::sleep(Duration::from_secs(2));
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 0, "nobody waited");
    let held = fragment();
    // Where it has failed before, the next attempts, at most 64 of them, are deferred (COMPACT_MAX_DEFER_SHIFT).
    for _ in 0..=64 {
        want_too_many_huge_pages();
        if fs::read_dir(&dir).unwrap().count() > 0 {
            break;
        }
    }
    drop(held);
    let trace = flight(&dir, 1);
    stop(&mut recording);
    settled_ledger(&trace);
    assert!(trace.header.options["flight_recorder"].contains("for compaction"), "{:?}", trace.header.options);
    let events: Vec<ReclaimEvent> = all(&trace);
    assert!(events.iter().any(|event| event.kind == Kind::TryToCompact as u8 && event.order == 9), "{events:?}");
}

/// Where memory may be used up: in the guests.
#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn a_failed_allocation_of_order_9_makes_it_write() {
    if !is_guest() {
        println!(
            "SKIPPED: an allocation of order 9 is made to fail in the guests of the kernel matrix only: here it would take the memory of others"
        );
        return;
    }
    let tmp = TempDir::new().unwrap();
    let dir = tmp.path().join("flights");
    // A guest that is idle has no events: here is something, and little, that happens all the time.
    let over = Arc::new(AtomicBool::new(false));
    let busy = thread::spawn({
        let over = Arc::clone(&over);
        move || {
            while !over.load(Ordering::Relaxed) {
                // Not a vector: malloc would keep the pages.
                MmapMut::map_anon(1 << 20).unwrap().fill(1);
                thread::sleep(Duration::from_millis(20));
            }
        }
    });
    let mut recording = start(&dir, 30, &["--events", "page", "--trigger", "failure=9"]);
    named("gfpwindow", want_too_many_huge_pages);
    over.store(true, Ordering::Relaxed);
    busy.join().unwrap();
    let trace = flight(&dir, 1);
    stop(&mut recording);
    settled_ledger(&trace);
    let pages: Vec<PageEvent> = all(&trace);
    let failed = pages
        .iter()
        .find(|page| page.kind == Kind::PageAlloc as u8 && page.pfn == NO_PFN && page.order == 9)
        .expect("the failure is there");
    let before = failed.time - pages[0].time;
    println!(
        "{} events before the failure, the first of them {} ms before",
        pages.iter().filter(|page| page.time < failed.time).count(),
        before / 1_000_000
    );
    // Something happens every 20 ms; a guest that is emulated may be slow about it.
    assert!(before >= 29_500_000_000, "and the 30 seconds before it: {} ms", before / 1_000_000);
}

/// The disk is full before the second trace is whole: it says so, and what was written reads.
#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn a_full_disk_is_told_and_what_was_written_reads() {
    let tmp = TempDir::new().unwrap();
    let disk = tmp.path().join("disk");
    fs::create_dir(&disk).unwrap();
    assert!(
        Command::new("mount").args(["-t", "tmpfs", "-o", "size=2M", "tmpfs"]).arg(&disk).status().unwrap().success()
    );
    let dir = disk.join("flights");
    let load =
        Running::start(Command::new(program("workload")).args(["mixed", "--seconds", "60"]).stdout(Stdio::null()));
    let mut command = collector();
    command.args(["record", "--flight-recorder", "5", "--trigger", "oom", "-o"]).arg(&dir).stderr(Stdio::piped());
    let mut recording = Running::start(&mut command);
    wait_until_attached(&recording);
    let deadline = Instant::now() + Duration::from_mins(1);
    while recording.try_wait().unwrap().is_none() {
        assert!(Instant::now() < deadline, "it did not notice that the disk is full");
        thread::sleep(Duration::from_secs(2));
        Command::new("kill").args(["-USR1", &recording.id().to_string()]).stderr(Stdio::null()).status().unwrap();
    }
    drop(load);
    let traces: Vec<Trace> = (1..).map_while(|number| Trace::open(&dir.join(format!("{number:04}"))).ok()).collect();
    let rows: u64 = traces.iter().map(|trace| trace.rows_of("page")).sum();
    let problems: Vec<_> = traces.iter().flat_map(Trace::verify).collect();
    Command::new("umount").arg("-l").arg(&disk).status().unwrap();
    let mut stderr = String::new();
    recording.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(recording.wait().unwrap().code(), Some(1), "{stderr}");
    assert!(stderr.contains("No space left on device"), "{stderr}");
    assert!(
        rows > 0 && problems.iter().all(|problem| problem.kind == ProblemKind::Torn && problem.rows_lost == 0),
        "{problems:?}"
    );
}
