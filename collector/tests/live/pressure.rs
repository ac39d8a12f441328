//! Compaction, reclaim and the OOM killer, provoked.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    thread,
};

use memmap2::MmapMut;
use trace::{Family, Kind, ReclaimEvent};

use crate::{common::all, families::counted_by_both};

/// Whether this is a guest of the kernel matrix, where memory may be used up.
pub fn is_guest() -> bool {
    std::env::var_os("GFPSCOPE_GUEST").is_some()
}

/// Does something in a thread of this name.
pub fn named<T: Send + 'static>(name: &str, work: impl FnOnce() -> T + Send + 'static) -> T {
    thread::Builder::new().name(name.to_owned()).spawn(work).unwrap().join().unwrap()
}

/// Asks for more 2 MiB pages than there can be: the allocator reclaims, compacts, and in the end an allocation of order
/// 9 fails.
pub fn want_too_many_huge_pages() {
    let pool = "/proc/sys/vm/nr_hugepages";
    fs::write(pool, "100000").unwrap();
    let got: u64 = fs::read_to_string(pool).unwrap().trim().parse().unwrap();
    fs::write(pool, "0").unwrap();
    assert!(got < 100_000, "no machine of the matrix is so large");
}

/// Leaves 128 MiB free in pieces of 64 KiB between others that are held: where an allocation of order 9 fails for want
/// of order, not of memory, and compaction is worth its while. Without, whether there is anything to compact depends on
/// what ran before.
pub fn fragment() -> Vec<MmapMut> {
    let piece = |_| {
        // One by one, so that no huge page fits.
        let mut piece = MmapMut::map_anon(64 << 10).unwrap();
        piece.fill(1);
        piece
    };
    let pieces: Vec<MmapMut> = (0..4096).map(piece).collect();
    pieces.into_iter().step_by(2).collect()
}

/// A process that wants more than its memory cgroup may have is killed; whether there is such a cgroup to be had.
pub fn provoke_oom(workload: &Path) {
    let mounts = fs::read_to_string("/proc/mounts").unwrap();
    let mounted = |line: &&str| line.contains(" cgroup ") && line.contains("memory");
    let tmp = tempfile::TempDir::new().unwrap();
    // Version 1 where it holds the memory controller, else a version 2 of our own.
    let (group, limit, own) = if let Some(line) = mounts.lines().find(mounted) {
        (Path::new(line.split_whitespace().nth(1).unwrap()).join("gfpscope-oom"), "memory.limit_in_bytes", false)
    } else {
        let root = tmp.path().join("cgroup");
        fs::create_dir(&root).unwrap();
        assert!(Command::new("mount").args(["-t", "cgroup2", "none"]).arg(&root).status().unwrap().success());
        fs::write(root.join("cgroup.subtree_control"), "+memory").unwrap();
        (root.join("gfpscope-oom"), "memory.max", true)
    };
    fs::create_dir(&group).unwrap();
    fs::write(group.join(limit), "16M").unwrap();
    let script = format!("echo $$ > {}/cgroup.procs; exec \"$0\" faults --pages 20000", group.display());
    let killed = Command::new("sh").args(["-c", &script]).arg(workload).stdout(Stdio::null()).status().unwrap();
    let _gone = fs::remove_dir(&group);
    if own {
        Command::new("umount").arg("-l").arg(tmp.path().join("cgroup")).status().unwrap();
    }
    assert!(!killed.success(), "80 MiB do not fit into 16");
}

#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn compaction_and_reclaim_agree_with_ftraces_own_counts() {
    let (hits, trace, _tmp) = counted_by_both(Family::Reclaim, "gfpwindow", |workload| {
        named("gfpwindow", || {
            fs::write("/proc/sys/vm/compact_memory", "1").unwrap();
            if is_guest() {
                want_too_many_huge_pages();
            }
        });
        provoke_oom(workload);
    });
    assert!(hits["compaction_begin"] > 0 && hits["compaction_begin"] == hits["compaction_end"], "{hits:?}");
    assert_eq!(hits["oom_victim"], 1, "{hits:?}");
    let events: Vec<ReclaimEvent> = all(&trace);
    let compactions: Vec<_> = events.iter().filter(|event| event.kind == Kind::CompactionBegin as u8).collect();
    let zones = &trace.header.zones;
    assert!(compactions.iter().all(|event| zones[usize::from(event.zone)].start_pfn == event.pfn), "{compactions:?}");
    if is_guest() {
        assert!(
            hits["direct_reclaim_begin"] > 0,
            "an order that is not to be had makes the allocator reclaim: {hits:?}"
        );
    }
}

/// kswapd has a name of its own. Where it found nothing to reclaim sixteen times it is not woken any more
/// (`kswapd_failures`), and the other tests bring it there: so `cargo xtask live` runs this one first, in a guest that
/// was just booted.
#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn kswapd_agrees_with_ftraces_own_count() {
    if !is_guest() {
        println!(
            "SKIPPED: kswapd is woken in the guests of the kernel matrix only: here it would take the memory of others"
        );
        return;
    }
    let reserve = "/proc/sys/vm/min_free_kbytes";
    let before = fs::read_to_string(reserve).unwrap();
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap();
    let free: u64 = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemFree:")?.trim().strip_suffix(" kB")?.parse().ok())
        .unwrap();
    let (hits, trace, _tmp) = counted_by_both(Family::Reclaim, "kswapd0", |workload| {
        // The low watermark is a quarter above the least: so it is above what is free, and the least is not.
        fs::write(reserve, (free * 85 / 100).to_string()).unwrap();
        let faults = Command::new(workload).args(["faults", "--pages", "1000"]).stdout(Stdio::null()).status().unwrap();
        fs::write(reserve, before.trim()).unwrap();
        assert!(faults.success());
        // It goes to sleep a moment after its work is done, and says so.
        thread::sleep(std::time::Duration::from_secs(2));
    });
    assert!(hits["kswapd_wake"] > 0, "{hits:?}");
    let events: Vec<ReclaimEvent> = all(&trace);
    assert!(events.iter().filter(|event| event.kind == Kind::KswapdWake as u8).all(|event| event.node == 0));
}
