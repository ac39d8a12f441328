//! A trace directory is written, killed, torn and damaged; what is intact must read, and what is not must be named.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use trace::{
    Clock, Entry, Error, FragEvent, GfpTable, Header, Kind, Options, PageEvent, Problem, ProblemKind, Tool, Trace,
    VmStat, Writer, Zone,
};

fn header() -> Header {
    Header {
        tool: Tool { name: "test".into(), version: "0".into(), command: vec![] },
        host: "h".into(),
        kernel: "6.18.0".into(),
        architecture: "x86_64".into(),
        clock: Clock { name: "CLOCK_MONOTONIC".into(), utc_offset_ns: 5, start_ns: 0, end_ns: 1_000 },
        cpu_node: vec![0, 0],
        zones: vec![Zone {
            node: 0,
            name: "Normal".into(),
            start_pfn: 0,
            spanned: 1 << 20,
            present: 1 << 20,
            managed: 1 << 20,
        }],
        migratetypes: ["Unmovable", "Movable"].map(Into::into).to_vec(),
        gfp: GfpTable::new(vec![("GFP_KERNEL".into(), 0xcc0)]),
        objects_are_physical: true,
        ..Header::default()
    }
}

fn page(time: u64) -> PageEvent {
    PageEvent {
        time,
        pid: 7,
        cpu: 1,
        kind: Kind::PageAlloc as u8,
        order: 3,
        pfn: time * 8,
        gfp: 0xcc0,
        migratetype: 1,
        zone: 0,
        stack: 0,
    }
}

fn stat(time: u64) -> VmStat {
    VmStat { time, snapshot: 0, item: "pgfault".into(), value: -3 }
}

/// A finished trace of 100 page events in batches of 8, over several segments, and one row of vmstat.
fn write(dir: &Path) {
    let options = Options { batch_rows: 8, segment_bytes: 4_000, ..Options::default() };
    let mut writer = Writer::create(dir, &header(), options).unwrap();
    writer.append(&(0..60).map(page).collect::<Vec<_>>()).unwrap();
    writer.append(&[stat(60)]).unwrap();
    writer.append(&(60..100).map(page).collect::<Vec<_>>()).unwrap();
    writer.finish(&Header { finished: Some("the test".into()), ..header() }).unwrap();
}

fn written() -> (TempDir, PathBuf) {
    let tmp = TempDir::new().unwrap();
    let dir = tmp.path().join("trace");
    write(&dir);
    (tmp, dir)
}

fn read_pages(trace: &Trace) -> (Vec<PageEvent>, Vec<Problem>) {
    let mut problems = Vec::new();
    let pages = trace.all(&mut problems);
    (pages, problems)
}

#[test]
fn what_is_written_reads_back() {
    let (_tmp, dir) = written();
    let trace = Trace::open(&dir).unwrap();
    assert_eq!(trace.problems, []);
    assert_eq!(trace.verify(), []);
    assert!(trace.table("page").count() > 1, "several segments");
    assert_eq!(read_pages(&trace), ((0..100).map(page).collect(), vec![]));
    assert_eq!(trace.all::<VmStat>(&mut Vec::new()), [stat(60)]);
    assert_eq!(trace.header, Header { finished: Some("the test".into()), ..header() });
    assert_eq!(trace.rows_of("page"), 100);
}

#[test]
fn only_its_owner_may_read_a_trace() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_tmp, dir) = written();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    for entry in fs::read_dir(&dir).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }
}

#[test]
fn what_exists_is_never_overwritten() {
    let (tmp, dir) = written();
    assert!(matches!(Writer::create(&dir, &header(), Options::default()), Err(Error::NotEmpty { .. })));
    let (empty, link) = (tmp.path().join("empty"), tmp.path().join("link"));
    fs::create_dir(&empty).unwrap();
    std::os::unix::fs::symlink(&empty, &link).unwrap();
    assert!(
        matches!(Writer::create(&link, &header(), Options::default()), Err(Error::NotEmpty { .. })),
        "a symbolic link is not followed"
    );
    Writer::create(&empty, &header(), Options::default()).unwrap();
}

#[test]
fn a_killed_writer_loses_nothing_that_it_returned_from() {
    let tmp = TempDir::new().unwrap();
    let dir = tmp.path().join("trace");
    let mut writer = Writer::create(&dir, &header(), Options::default()).unwrap();
    writer.append(&[page(1), page(2)]).unwrap();
    std::mem::forget(writer);
    let trace = Trace::open(&dir).unwrap();
    assert_eq!(read_pages(&trace).0, [page(1), page(2)]);
    assert!(trace.verify().iter().all(|problem| problem.kind == ProblemKind::Torn));
    assert!(!trace.problems.is_empty(), "the missing end is told");
}

#[test]
fn a_torn_tail_is_told_and_everything_before_it_reads() {
    let (_tmp, dir) = written();
    let whole = Trace::open(&dir).unwrap();
    let segment = whole.table("page").last().unwrap().clone();
    let path = dir.join(&segment.file);
    let bytes = fs::read(&path).unwrap();
    let batches_in_others: u64 = whole.rows_of("page") - segment.batches.iter().map(|batch| batch.rows).sum::<u64>();
    for len in 0..bytes.len() {
        fs::write(&path, &bytes[..len]).unwrap();
        let trace = Trace::open(&dir).unwrap();
        assert!(trace.verify().iter().any(|problem| problem.file == segment.file), "cut at {len}");
        let whole_batches = segment
            .batches
            .iter()
            .filter(|batch| batch.offset + batch.len <= len as u64)
            .map(|batch| batch.rows)
            .sum::<u64>();
        assert_eq!(read_pages(&trace).0.len() as u64, batches_in_others + whole_batches, "cut at {len}");
    }
}

#[test]
fn a_torn_manifest_is_told_and_everything_before_it_reads() {
    let (_tmp, dir) = written();
    let path = dir.join("manifest.jsonl");
    let bytes = fs::read(&path).unwrap();
    for len in 0..bytes.len() {
        fs::write(&path, &bytes[..len]).unwrap();
        let trace = Trace::open(&dir).unwrap();
        assert!(!trace.verify().is_empty(), "cut at {len}");
        let lines = bytes[..len].split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"));
        let listed: u64 = lines
            .filter_map(|line| match Entry::from_line(std::str::from_utf8(line).unwrap().trim_end()) {
                Some(Entry::Batch(batch)) if batch.file.starts_with("page-") => Some(batch.rows),
                _ => None,
            })
            .sum();
        assert_eq!(read_pages(&trace).0.len() as u64, listed, "cut at {len}");
    }
}

/// A byte in 31 of every file (all of them take minutes, and pass too), one at a time: the damage is named, the other
/// batches read, nothing panics.
#[test]
fn no_flipped_bit_goes_unnoticed() {
    let (_tmp, dir) = written();
    let whole = Trace::open(&dir).unwrap();
    let mut files: Vec<_> =
        fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    files.sort();
    for file in files {
        let path = dir.join(&file);
        let intact = fs::read(&path).unwrap();
        for at in (0..intact.len()).step_by(31) {
            let mut bytes = intact.clone();
            bytes[at] ^= 1 << (at % 8);
            fs::write(&path, &bytes).unwrap();
            let trace = match Trace::open(&dir) {
                Ok(trace) => trace,
                Err(error) => {
                    assert_eq!(file, "trace.json", "byte {at}: {error}");
                    continue;
                }
            };
            let problems = trace.verify();
            assert!(problems.iter().any(|problem| problem.file == file), "{file}, byte {at}: {problems:?}");
            if let Some(batch) = whole
                .segments
                .iter()
                .flat_map(|segment| &segment.batches)
                .find(|batch| batch.file == file && (batch.offset..batch.offset + batch.len).contains(&(at as u64)))
            {
                assert!(
                    problems.iter().any(|problem| problem.file == file && problem.batch == Some(batch.batch)),
                    "{file}, byte {at}"
                );
                if file.starts_with("page") {
                    assert_eq!(
                        read_pages(&trace).0.len() as u64,
                        100 - batch.rows,
                        "{file}, byte {at}: the other batches read"
                    );
                }
            } else if whole.segments.iter().any(|segment| segment.file == file) {
                assert_eq!(read_pages(&trace).0.len(), 100, "{file}, byte {at}: no batch is concerned");
            }
        }
        fs::write(&path, &intact).unwrap();
    }
}

/// The schema at the start of a segment is known, so that nothing is lost with it; of every table.
#[test]
fn batches_read_without_the_start_of_their_segment() {
    assert!(trace::tables::NAMES.iter().all(|table| trace::tables::schema(table).is_some()));
    let (_tmp, dir) = written();
    let event = FragEvent {
        time: 1,
        pid: 7,
        cpu: 0,
        kind: Kind::PcpuDrain as u8,
        order: 0,
        pfn: 5,
        migratetype: 1,
        zone: 0,
        fallback_order: u8::MAX,
        fallback_migratetype: u8::MAX,
        change_ownership: 0,
        percpu_refill: 0,
    };
    let dir = dir.with_file_name("drained");
    let mut writer = Writer::create(&dir, &header(), Options::default()).unwrap();
    writer.append(std::slice::from_ref(&event)).unwrap();
    writer.finish(&Header { finished: Some("the test".into()), ..header() }).unwrap();
    let segment = dir.join("frag-000000.arrow");
    let mut bytes = fs::read(&segment).unwrap();
    bytes[20] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let trace = Trace::open(&dir).unwrap();
    assert_eq!(trace.verify().len(), 1);
    assert_eq!(trace.all::<FragEvent>(&mut Vec::new()), [event]);
}

#[test]
fn a_missing_segment_is_told() {
    let (_tmp, dir) = written();
    fs::remove_file(dir.join("page-000000.arrow")).unwrap();
    let trace = Trace::open(&dir).unwrap();
    assert!(trace.problems.iter().any(|problem| problem.kind == ProblemKind::Missing
        && problem.file == "page-000000.arrow"
        && problem.rows_lost > 0));
    assert!(!read_pages(&trace).0.is_empty());
}

#[test]
fn what_is_no_trace_is_refused_in_a_sentence() {
    let tmp = TempDir::new().unwrap();
    let error = Trace::open(tmp.path()).err().unwrap().to_string();
    assert!(error.contains("is not a trace") && error.contains("collector record"), "{error}");
    let (_tmp, dir) = written();
    let text = fs::read_to_string(dir.join("trace.json"))
        .unwrap()
        .replace(&format!("\"format\": {}", Header::FORMAT), "\"format\": 99");
    fs::write(dir.join("trace.json"), text).unwrap();
    assert!(matches!(Trace::open(&dir), Err(Error::TooNew { found: 99, .. })));
}

#[test]
fn after_a_failed_write_the_next_one_works() {
    // A directory where the second segment should go makes its creation fail, as a full disk would.
    let tmp = TempDir::new().unwrap();
    let dir = tmp.path().join("trace");
    let options = Options { batch_rows: 8, segment_bytes: 1, ..Options::default() };
    let mut writer = Writer::create(&dir, &header(), options).unwrap();
    writer.append(&[page(1)]).unwrap();
    fs::create_dir(dir.join("page-000001.arrow")).unwrap();
    let (_, unwritten) = writer.append(&(2..20).map(page).collect::<Vec<_>>()).unwrap_err();
    assert_eq!(unwritten, 18);
    fs::remove_dir(dir.join("page-000001.arrow")).unwrap();
    writer.append(&[page(30)]).unwrap();
    writer.finish(&header()).unwrap();
    assert_eq!(read_pages(&Trace::open(&dir).unwrap()).0, [page(1), page(30)]);
}
