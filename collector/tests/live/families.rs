//! Every family of events, counted beside ftrace, and what its numbers stand for beside `/proc`.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;
use trace::{
    Cache, Cgroup, Family, FragEvent, FrameRun, FreeArea, Kind, PageEvent, Program, SlabInfo, SnapshotWindow, Stack,
    Symbol, Task, Trace,
};

use crate::{
    common::{Running, all, collector, program, record, settled_ledger, stop, wait_for_batch_of},
    pressure::named,
};

/// What ftrace counts by itself, of the events of threads with one name: an instance with a ring of its own for each
/// tracepoint, whose statistics tell how many events it took, those included that were overwritten since.
pub struct Ftrace(Vec<(Program, PathBuf)>);

impl Ftrace {
    pub fn count(programs: impl IntoIterator<Item = Program>, comm: &str) -> Self {
        let mut ftrace = Self(Vec::new());
        for program in programs {
            let (group, name) = program.tracepoint();
            let instance = Path::new("/sys/kernel/tracing/instances").join(format!("gfpscope-{name}"));
            let _left_over = fs::remove_dir(&instance);
            fs::create_dir(&instance).unwrap_or_else(|error| panic!("{}: {error}", instance.display()));
            let event = instance.join("events").join(group).join(name);
            fs::write(event.join("filter"), format!("comm == \"{comm}\"")).unwrap();
            fs::write(event.join("enable"), "1").unwrap();
            ftrace.0.push((program, instance));
        }
        ftrace
    }

    pub fn hits(&self) -> BTreeMap<&'static str, u64> {
        let hits = |instance: &Path| {
            let cpus = fs::read_dir(instance.join("per_cpu")).unwrap().flatten();
            let of_cpu = |cpu: fs::DirEntry| {
                let text = fs::read_to_string(cpu.path().join("stats")).unwrap();
                let number = |label: &str| {
                    text.lines().find_map(|line| line.strip_prefix(label)?.trim().parse::<u64>().ok()).unwrap()
                };
                assert_eq!((number("commit overrun:"), number("dropped events:")), (0, 0), "{text}");
                number("entries:") + number("overrun:")
            };
            cpus.map(of_cpu).sum()
        };
        self.0.iter().map(|(program, instance)| (program.name(), hits(instance))).collect()
    }
}

impl Drop for Ftrace {
    fn drop(&mut self) {
        for (program, instance) in &self.0 {
            let (group, name) = program.tracepoint();
            let _disabled = fs::write(instance.join("events").join(group).join(name).join("enable"), "0");
            let _gone = fs::remove_dir(instance);
        }
    }
}

/// Counts by both, of what threads named `gfpwindow` do in `work`: the same number, but for what the kernel says it did
/// not give us.
pub fn counted_by_both(
    family: Family,
    comm: &str,
    work: impl FnOnce(&Path),
) -> (BTreeMap<&'static str, u64>, Trace, TempDir) {
    let tmp = TempDir::new().unwrap();
    let (dir, named) = (tmp.path().join("trace"), tmp.path().join("gfpwindow"));
    fs::copy(program("workload"), &named).unwrap();
    let mut command = collector();
    command
        .args(["record", "--ring-size", "32M", "--comm", comm, "--no-frames", "--events", family.name(), "-o"])
        .arg(&dir);
    let mut recording = Running::start(command.stderr(Stdio::null()));
    wait_for_batch_of("task", &dir);
    let ftrace = Ftrace::count(Program::ALL.into_iter().filter(|program| program.family() == family), comm);
    work(&named);
    let hits = ftrace.hits();
    drop(ftrace);
    stop(&mut recording);
    let trace = Trace::open(&dir).unwrap();
    let ledger = settled_ledger(&trace);
    for (program, hits) in &hits {
        let (ours, missed) = ledger.get(*program).map_or((0, 0), |row| (row.written + row.dropped, row.missed));
        println!("{program}: ftrace {hits}, collector {ours}, missed {missed}");
        assert!(ours <= *hits && ours + missed >= *hits, "{program}: ftrace {hits}, collector {ours}, missed {missed}");
    }
    (hits, trace, tmp)
}

pub fn run_mixed(workload: &Path) {
    assert!(Command::new(workload).args(["mixed", "--seconds", "1"]).stdout(Stdio::null()).status().unwrap().success());
}

#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn counts_agree_with_ftraces_own() {
    // The kernel lets a busy pcp list grow to an eighth of its zone before it drains; with a fraction set, it is as
    // short as it can be.
    let _short = Sysctl::set("/proc/sys/vm/percpu_pagelist_high_fraction", "100000");
    for family in [Family::Page, Family::Slab, Family::Cache, Family::Frag] {
        let (hits, trace, _tmp) = counted_by_both(family, "gfpwindow", |workload| {
            run_mixed(workload);
            if family == Family::Frag {
                named("gfpwindow", want_unmovable_pages);
            }
        });
        let idle: Vec<_> = hits.iter().filter(|(_, hits)| **hits == 0).collect();
        assert!(idle.is_empty(), "the workload does all that is counted, but for {idle:?}");
        for event in all::<FragEvent>(&trace).into_iter().filter(|event| event.kind == Kind::ExtFrag as u8) {
            let name = |migratetype: u8| trace.header.migratetypes[usize::from(migratetype)].as_str();
            assert!(
                name(event.migratetype) != name(event.fallback_migratetype) && event.order <= event.fallback_order,
                "{event:?}"
            );
        }
    }
}

/// A kernel setting for the length of a test.
struct Sysctl(&'static str, String);

impl Sysctl {
    fn set(path: &'static str, value: &str) -> Self {
        let before = fs::read_to_string(path).unwrap();
        fs::write(path, value).unwrap();
        Self(path, before)
    }
}

impl Drop for Sysctl {
    fn drop(&mut self) {
        fs::write(self.0, &self.1).unwrap();
    }
}

/// More of them than lie about, so that the last come out of movable pageblocks; but never more than half of what the
/// machine can spare. The page cache of a file in ramfs is unmovable.
fn want_unmovable_pages() {
    const MIB: u64 = 1 << 20;
    let wanted = (free_unmovable_bytes() + 256 * MIB).min(available_bytes() / 2);
    let tmp = TempDir::new().unwrap();
    assert!(Command::new("mount").args(["-t", "ramfs", "none"]).arg(tmp.path()).status().unwrap().success());
    let piece = vec![1; MIB as usize];
    let written = fs::File::create(tmp.path().join("file"))
        .and_then(|mut file| (0..wanted / MIB).try_for_each(|_| file.write_all(&piece)));
    Command::new("umount").arg(tmp.path()).status().unwrap();
    written.unwrap();
}

/// `/proc/pagetypeinfo`: `Node    0, zone   Normal, type    Unmovable    120     95 …`, where a number may be
/// `>100000`.
fn free_unmovable_bytes() -> u64 {
    let text = fs::read_to_string("/proc/pagetypeinfo").unwrap();
    let of_zone = |line: &str| {
        let (_, blocks) = line.split_once("type    Unmovable")?;
        let blocks = blocks.split_whitespace().map(|blocks| blocks.trim_start_matches('>').parse::<u64>());
        Some(blocks.enumerate().map(|(order, blocks)| blocks.unwrap_or(0) << order).sum::<u64>())
    };
    text.lines().filter_map(of_zone).sum::<u64>() * 4096
}

fn available_bytes() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap();
    let kib = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.expect("the kernel tells how much memory can be had") << 10
}

/// Names and sizes are those of `/proc/slabinfo`.
#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn caches_are_those_of_slabinfo() {
    let (_tmp, trace, _) =
        record(&["--events", "cache", "--", program("workload").to_str().unwrap(), "mixed", "--seconds", "1"]);
    let slabinfo: HashMap<String, SlabInfo> =
        all::<SlabInfo>(&trace).into_iter().map(|line| (line.name.clone(), line)).collect();
    let caches: Vec<Cache> = all(&trace);
    assert!(caches.len() >= 10, "{caches:?}");
    for cache in &caches {
        let line = slabinfo.get(&cache.name).unwrap_or_else(|| panic!("slabinfo has no {cache:?}"));
        assert_eq!(line.objsize, cache.size, "{cache:?}");
        assert!(0 < cache.object_size && cache.object_size <= cache.size, "{cache:?}");
    }
    let events: Vec<trace::SlabEvent> = all(&trace);
    let named = events
        .iter()
        .filter(|event| event.cache != 0 && caches[usize::from(event.cache) - 1].size == event.bytes_alloc)
        .count();
    assert!(!events.is_empty() && named == events.len(), "{named} of {} events name their cache", events.len());
}

#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn stacks_lead_from_the_allocator_to_the_page_fault() {
    let workload = program("workload");
    for (stacks, share) in [("all", 1.0), ("sampled", 0.01)] {
        let (_tmp, trace, output) = record(&[
            "--events",
            "page",
            "--stacks",
            stacks,
            "--",
            workload.to_str().unwrap(),
            "faults",
            "--pages",
            "20000",
        ]);
        let pid = crate::common::told(&output, "pid") as u32;
        let symbols: HashMap<u64, String> =
            all::<Symbol>(&trace).into_iter().map(|symbol| (symbol.id, symbol.function)).collect();
        let mut frames = HashMap::<u32, Vec<&str>>::new();
        let rows: Vec<Stack> = all(&trace);
        for row in &rows {
            frames.entry(row.id).or_default().push(symbols.get(&row.symbol).map_or("?", String::as_str));
        }
        let pages: Vec<PageEvent> = all(&trace);
        let faults: Vec<_> = pages
            .iter()
            .filter(|page| page.kind == Kind::PageAlloc as u8 && page.pid == pid && page.order == 0)
            .collect();
        let stacked: Vec<_> = faults.iter().filter(|page| page.stack != 0).collect();
        let measured = stacked.len() as f64 / faults.len() as f64;
        // Five standard deviations of the chance of 1 in 100.
        let spread = 5.0 * (share * (1.0 - share) / faults.len() as f64).sqrt() + 0.001;
        assert!((measured - share).abs() <= spread, "{stacks}: {measured} of {} have a stack", faults.len());
        let of_faults = stacked
            .iter()
            .filter(|page| frames[&page.stack].iter().any(|function| function.contains("handle_mm_fault")))
            .count();
        assert!(of_faults * 100 >= stacked.len() * 95, "{of_faults} of {} lead to a page fault", stacked.len());
        let inner = stacked
            .iter()
            .all(|page| !frames[&page.stack][0].contains("bpf") && !frames[&page.stack][0].starts_with("__traceiter"));
        assert!(inner, "a stack starts where the kernel was, not in the tracing");
    }
}

/// A cgroup's processes, and nobody else's; in a hierarchy that the test mounts if nobody has.
#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn a_cgroup_is_followed_with_all_that_is_in_it() {
    let tmp = TempDir::new().unwrap();
    let mounted = fs::read_to_string("/proc/mounts").unwrap();
    let mount = mounted
        .lines()
        .find(|line| line.split_whitespace().nth(2) == Some("cgroup2"))
        .map(|line| line.split_whitespace().nth(1).unwrap());
    let hierarchy = mount.map_or_else(|| tmp.path().join("cgroup"), PathBuf::from);
    if mount.is_none() {
        fs::create_dir(&hierarchy).unwrap();
        assert!(Command::new("mount").args(["-t", "cgroup2", "none"]).arg(&hierarchy).status().unwrap().success());
    }
    let group = hierarchy.join("gfpscope-test").join("inner");
    fs::create_dir_all(&group).unwrap();
    let dir = tmp.path().join("trace");
    let mut command = collector();
    command.args(["record", "--events", "page", "--cgroup", "gfpscope-test", "-o"]).arg(&dir).stderr(Stdio::null());
    let mut recording = Running::start(&mut command);
    wait_for_batch_of("task", &dir);
    let script = format!("echo $$ > {}/cgroup.procs; exec \"$0\" faults --pages 5000", group.display());
    let inside = Command::new("sh").args(["-c", &script]).arg(program("workload")).output().unwrap();
    let outside = Command::new(program("workload")).args(["faults", "--pages", "5000"]).output().unwrap();
    stop(&mut recording);
    let _gone = fs::remove_dir(&group).and_then(|()| fs::remove_dir(group.parent().unwrap()));
    if mount.is_none() {
        Command::new("umount").arg(&hierarchy).status().unwrap();
    }
    let trace = Trace::open(&dir).unwrap();
    settled_ledger(&trace);
    let (inside, outside) = (crate::common::told(&inside, "pid") as u32, crate::common::told(&outside, "pid") as u32);
    let pages: Vec<PageEvent> = all(&trace);
    assert!(pages.iter().filter(|page| page.pid == inside).count() >= 5000);
    assert!(pages.iter().all(|page| page.pid != outside));
    let cgroups: HashMap<u64, String> =
        all::<Cgroup>(&trace).into_iter().map(|cgroup| (cgroup.id, cgroup.path)).collect();
    let last = all::<Task>(&trace).into_iter().rfind(|task| task.pid == inside).unwrap();
    assert_eq!(cgroups.get(&last.cgroup).map(String::as_str), Some("/gfpscope-test/inner"), "{last:?} {cgroups:?}");
}

/// Free frames of `/proc/kpageflags` and free blocks of `/proc/buddyinfo` differ by no more pages than moved while the
/// two were read.
#[test]
#[ignore = "needs root and eBPF: run by cargo xtask live"]
fn free_frames_are_those_of_buddyinfo() {
    let (_tmp, trace, _) = record(&["--events", "page,frag", "--duration", "2", "--snapshot-interval", "60"]);
    let windows: Vec<SnapshotWindow> = all(&trace);
    let window = |source: &str| windows.iter().find(|window| window.snapshot == 0 && window.source == source).unwrap();
    let (flags, proc) = (window("kpageflags"), window("proc"));
    let during = flags.time.min(proc.time)..=flags.end.max(proc.end);
    let free: u64 = all::<FrameRun>(&trace).iter().filter(|run| run.class == "free").map(|run| run.pages).sum();
    let blocks: Vec<FreeArea> = all(&trace);
    let buddyinfo: u64 = blocks
        .iter()
        .filter(|row| row.snapshot == 0 && row.migratetype == trace::ANY_MIGRATETYPE)
        .map(|row| row.nr_free << row.order)
        .sum();
    let pages = all::<PageEvent>(&trace).into_iter().map(|page| (page.time, page.order));
    let moved = pages.chain(all::<FragEvent>(&trace).into_iter().map(|frag| (frag.time, frag.order)));
    let moved: u64 = moved.filter(|(time, _)| during.contains(time)).map(|(_, order)| 1 << order).sum();
    let elsewhere = settled_ledger(&trace).values().map(|row| row.filtered + row.missed).sum::<u64>();
    println!(
        "kpageflags {free}, buddyinfo {buddyinfo}, moved meanwhile {moved}, by the collector itself at most {elsewhere}"
    );
    assert!(
        free.abs_diff(buddyinfo) <= moved + elsewhere,
        "{free} and {buddyinfo} differ by more than {moved} + {elsewhere}"
    );
}
