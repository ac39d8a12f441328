//! What the live tests share: starting the collector, and reading what it wrote.

use std::{
    collections::BTreeMap,
    fs,
    ops::{Deref, DerefMut},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;
use trace::{FragEvent, Kind, Ledger, PageEvent, Program, ReclaimEvent, Row, SlabEvent, Trace};

/// A program of this workspace: from `GFPSCOPE_BIN_DIR`, or where cargo has put it.
pub fn program(name: &str) -> PathBuf {
    let built = Path::new(env!("CARGO_BIN_EXE_collector")).parent().unwrap();
    let dir = std::env::var_os("GFPSCOPE_BIN_DIR").map_or_else(|| built.to_owned(), PathBuf::from);
    [dir.join(name), dir.join("examples").join(name)]
        .into_iter()
        .find(|path| path.exists())
        .unwrap_or_else(|| panic!("no program {name} in {}", dir.display()))
}

pub fn collector() -> Command {
    let mut command = Command::new(program("collector"));
    command.stdin(Stdio::null());
    command
}

/// Records with these arguments; what the recorded command printed comes with the trace.
pub fn record(arguments: &[&str]) -> (TempDir, Trace, Output) {
    let (tmp, trace, output, _pid) = record_as(arguments);
    (tmp, trace, output)
}

/// Records with these arguments, and tells the collector's own pid as well.
pub fn record_as(arguments: &[&str]) -> (TempDir, Trace, Output, u32) {
    let tmp = TempDir::new().unwrap();
    let dir = tmp.path().join("trace");
    let mut command = collector();
    command.arg("record").arg("-o").arg(&dir).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    let recording = command.spawn().unwrap();
    let pid = recording.id();
    let output = recording.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "collector record {arguments:?}: {stderr}");
    assert!(stderr.contains("every event is accounted for"), "{stderr}");
    let trace = Trace::open(&dir).unwrap();
    assert_eq!(trace.verify(), []);
    (tmp, trace, output, pid)
}

pub fn all<R: Row>(trace: &Trace) -> Vec<R> {
    let mut problems = Vec::new();
    let rows = trace.all(&mut problems);
    assert_eq!(problems, []);
    rows
}

/// The last ledger lines, by program; checked against the equation and against the rows that are really there.
pub fn settled_ledger(trace: &Trace) -> BTreeMap<String, Ledger> {
    let rows: Vec<Ledger> = all(trace);
    let last = rows.iter().map(|row| row.time).max().unwrap();
    let mut programs = BTreeMap::new();
    for row in rows.iter().filter(|row| row.time == last) {
        assert_eq!(row.seen, row.written + row.dropped + row.filtered, "{row:?}");
        let sum = programs.entry(row.program.clone()).or_insert(Ledger {
            cpu: Ledger::ALL_CPUS,
            seen: 0,
            written: 0,
            dropped: 0,
            filtered: 0,
            missed: 0,
            ..row.clone()
        });
        sum.seen += row.seen;
        sum.written += row.written;
        sum.dropped += row.dropped;
        sum.filtered += row.filtered;
        sum.missed += row.missed;
    }
    let mut kinds = BTreeMap::<u8, u64>::new();
    let (pages, slabs): (Vec<PageEvent>, Vec<SlabEvent>) = (all(trace), all(trace));
    let (frags, reclaims): (Vec<FragEvent>, Vec<ReclaimEvent>) = (all(trace), all(trace));
    let events = pages.iter().map(|page| page.kind).chain(slabs.iter().map(|slab| slab.kind));
    for kind in events.chain(frags.iter().map(|frag| frag.kind)).chain(reclaims.iter().map(|reclaim| reclaim.kind)) {
        *kinds.entry(kind).or_default() += 1;
    }
    for kind in Kind::ALL {
        if let Some(sum) = Program::of(kind).and_then(|program| programs.get(program.name())) {
            assert_eq!(
                sum.written,
                kinds.get(&(kind as u8)).copied().unwrap_or(0),
                "{}: as many rows as the ledger says",
                kind.name()
            );
        }
    }
    programs
}

/// A number from the workload's line of JSON.
pub fn told(output: &Output, key: &str) -> u64 {
    let text = String::from_utf8_lossy(&output.stdout);
    let rest = text.split(&format!("\"{key}\":")).nth(1).unwrap_or_else(|| panic!("no {key} in {text:?}"));
    rest.trim_start().chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
}

/// A program that runs in the background, and no longer than its test.
pub struct Running(Child);

impl Running {
    pub fn start(command: &mut Command) -> Self {
        Self(command.spawn().unwrap())
    }
}

impl Deref for Running {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.0
    }
}

impl DerefMut for Running {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.0
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _over = self.0.kill().and_then(|()| self.0.wait());
    }
}

/// Until a batch of the table is in the manifest.
pub fn wait_for_batch_of(table: &str, dir: &Path) {
    let deadline = Instant::now() + Duration::from_mins(1);
    let line = format!("\"is\":\"batch\",\"file\":\"{table}-");
    while !fs::read_to_string(dir.join("manifest.jsonl")).is_ok_and(|manifest| manifest.contains(&line)) {
        assert!(Instant::now() < deadline, "the collector did not start in a minute");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Ctrl-C, and wait.
pub fn stop(recording: &mut Running) {
    let interrupted = Command::new("kill").args(["-INT", &recording.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    assert!(recording.wait().unwrap().success());
}
