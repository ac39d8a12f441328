use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Cursor,
    ops::RangeInclusive,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use arrow_array::RecordBatch;
use arrow_ipc::{reader::StreamReader, writer::StreamWriter};

pub use crate::manifest::Batch;
use crate::{
    Cache, Cgroup, Entry, Error, Header, Ledger, Problem, ProblemKind, Row, SnapshotWindow, Stack, Symbol, Task,
    manifest, tables,
};

/// An opened trace: its header, and the places of its intact batches.
pub struct Trace {
    /// The trace directory.
    pub dir: PathBuf,
    /// The header, which gives the numbers in the tables their meaning.
    pub header: Header,
    /// The segments of all tables, in the order in which they were started.
    pub segments: Vec<Segment>,
    /// The problems that were found when the trace was opened; [`Trace::verify`] finds the rest.
    pub problems: Vec<Problem>,
    /// The span of time whose rows are read, in ns of the header's clock, including both ends: all times, or the span
    /// set by [`Trace::limit`].
    pub span: RangeInclusive<u64>,
}

/// A file that holds rows of a table.
#[derive(Debug, Clone)]
pub struct Segment {
    /// The name of the file.
    pub file: String,
    /// The name of the table to which the segment belongs.
    pub table: String,
    /// The batches that the manifest lists and that lie within the file.
    pub batches: Vec<Batch>,
    /// The number of bytes before the first batch, and their checksum.
    preamble: Option<(u64, u32)>,
    /// The offset, length and checksum of the footer, once the segment is complete.
    footer: Option<(u64, u64, u32)>,
}

/// The tables that are read as a whole, whatever span of time is asked for, because their rows explain other rows or
/// add up what came before.
const TIMELESS: [&str; 7] =
    [Task::TABLE, Cgroup::TABLE, Symbol::TABLE, Stack::TABLE, Cache::TABLE, SnapshotWindow::TABLE, Ledger::TABLE];

/// The length in bytes of the magic of an Arrow file, behind which the file has Arrow's stream format.
const MAGIC: u64 = 8;
/// The end of an Arrow stream: a continuation marker and a length of zero.
const END_OF_STREAM: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];

impl Trace {
    /// Opens a trace. A torn or damaged trace opens too, with [`problems`](Self::problems). The checksums of batches
    /// are compared when the batches are read.
    ///
    /// # Errors
    /// [`Error::NotATrace`] if there is no readable header, [`Error::TooNew`] if the format is newer than this crate,
    /// [`Error::Io`] if the manifest cannot be read.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        let (header, header_crc) = read_header(dir)?;
        let path = dir.join(manifest::FILE);
        let manifest = fs::read(&path).map_err(Error::io("read", path))?;
        let mut trace =
            Self { dir: dir.to_owned(), header, segments: Vec::new(), problems: Vec::new(), span: 0..=u64::MAX };
        let header_crcs = trace.read_manifest(&manifest);
        if !header_crcs.iter().rev().take(2).any(|crc| *crc == header_crc) {
            trace.problem(
                "trace.json",
                None,
                ProblemKind::Damaged,
                0,
                "its checksum is not the one in the manifest: its numbers may be wrong",
            );
        }
        trace.compare_with_files();
        if trace.header.finished.is_none() {
            let detail = "the collector did not end this trace (it was killed, or is still running): rows that it held in memory are not here";
            trace.problem("trace.json", None, ProblemKind::Torn, 0, detail);
        }
        Ok(trace)
    }

    /// Returns the segments of one table.
    pub fn table(&self, table: &str) -> impl Iterator<Item = &Segment> {
        self.segments.iter().filter(move |segment| segment.table == table)
    }

    /// Limits the trace to a span of time, in ns of the header's clock: the trace reads as if it had been recorded in
    /// this span only, and the header's clock starts and ends with the span.
    pub fn limit(&mut self, span: RangeInclusive<u64>) {
        let events = self
            .segments
            .iter()
            .filter(|segment| !TIMELESS.contains(&&*segment.table))
            .flat_map(|segment| &segment.batches);
        // The header of a trace that was not finished is older than the trace's last events.
        let last = events.map(|batch| batch.last).max().unwrap_or(0);
        let clock = &mut self.header.clock;
        clock.end_ns = clock.end_ns.max(last).min(*span.end());
        clock.start_ns = clock.start_ns.max(*span.start()).min(clock.end_ns);
        self.span = span;
    }

    /// Returns whether a batch of this table may have rows within the span that is read. The batch may have other rows,
    /// too.
    pub fn reads(&self, table: &str, batch: &Batch) -> bool {
        TIMELESS.contains(&table) || (batch.first <= *self.span.end() && batch.last >= *self.span.start())
    }

    /// Returns the number of rows of one table in the batches that are read, as the manifest counts them.
    pub fn rows_of(&self, table: &str) -> u64 {
        self.table(table)
            .flat_map(|segment| &segment.batches)
            .filter(|batch| self.reads(table, batch))
            .map(|batch| batch.rows)
            .sum()
    }

    /// Reads the whole trace and compares every checksum.
    pub fn verify(&self) -> Vec<Problem> {
        self.verify_but(&[])
    }

    /// Like [`Trace::verify`], but without the batches that are read of the tables `tables`. A caller that reads those
    /// batches anyway gets their problems then.
    pub fn verify_but(&self, tables: &[&str]) -> Vec<Problem> {
        let mut problems = self.problems.clone();
        for segment in &self.segments {
            problems.extend(self.read_preamble(segment).err());
            let others = segment
                .batches
                .iter()
                .filter(|batch| !tables.contains(&&*segment.table) || !self.reads(&segment.table, batch));
            problems.extend(others.filter_map(|batch| self.read_batch(batch).err()));
            if let Some((offset, len, crc32)) = segment.footer
                && self.read_bytes(&segment.file, offset, len).is_none_or(|bytes| crc32fast::hash(&bytes) != crc32)
            {
                let detail = "the Arrow footer is damaged: other Arrow readers cannot open the file, its batches are not concerned";
                problems.push(problem(&segment.file, None, ProblemKind::Damaged, 0, detail));
            }
        }
        problems
    }

    /// Returns a segment's intact batches as an Arrow IPC *stream*, for any Arrow reader, and the problems of the other
    /// batches. Only batches for which `wanted` returns true are read; it may choose them by their time range, for
    /// example.
    pub fn read_segment(&self, segment: &Segment, wanted: impl Fn(&Batch) -> bool) -> (Vec<u8>, Vec<Problem>) {
        let mut problems = Vec::new();
        let mut stream = self.read_preamble(segment).unwrap_or_else(|problem| {
            problems.push(problem);
            schema_message(&segment.table)
        });
        for batch in segment.batches.iter().filter(|batch| wanted(batch)) {
            match self.read_batch(batch) {
                Ok(bytes) => stream.extend(bytes),
                Err(problem) => problems.push(problem),
            }
        }
        stream.extend(END_OF_STREAM);
        (stream, problems)
    }

    /// Returns all rows of a table, batch by batch, in time order. A batch that cannot be read is returned as a
    /// [`Problem`].
    pub fn rows<R: Row>(&self) -> impl Iterator<Item = Result<Vec<R>, Problem>> {
        let timeless = TIMELESS.contains(&R::TABLE);
        self.table(R::TABLE).flat_map(move |segment| {
            segment.batches.iter().filter(|batch| self.reads(R::TABLE, batch)).map(move |batch| {
                let mut stream = self.read_preamble(segment).unwrap_or_else(|_| schema_message(R::TABLE));
                stream.extend(self.read_batch(batch)?);
                stream.extend(END_OF_STREAM);
                let rows =
                    decode(stream).and_then(|decoded| decoded.iter().map(R::from_batch).collect::<Option<Vec<_>>>());
                let detail =
                    "its columns are not those of this table: it was written by another version, or is no batch";
                rows.map(|rows| {
                    rows.into_iter().flatten().filter(|row| timeless || self.span.contains(&row.time())).collect()
                })
                .ok_or_else(|| problem(&segment.file, Some(batch.batch), ProblemKind::Damaged, batch.rows, detail))
            })
        })
    }

    /// Returns all rows of a small table at once, and adds what cannot be read to `problems`.
    pub fn all<R: Row>(&self, problems: &mut Vec<Problem>) -> Vec<R> {
        let mut all = Vec::new();
        for rows in self.rows::<R>() {
            match rows {
                Ok(rows) => all.extend(rows),
                Err(problem) => problems.push(problem),
            }
        }
        all
    }

    fn read_manifest(&mut self, manifest: &[u8]) -> Vec<u32> {
        let mut header_crcs = Vec::new();
        let mut lines = manifest.split_inclusive(|byte| *byte == b'\n').enumerate().peekable();
        while let Some((number, line)) = lines.next() {
            let whole = line.ends_with(b"\n");
            match std::str::from_utf8(line).ok().filter(|_| whole).and_then(|line| Entry::from_line(line.trim_end())) {
                Some(Entry::Header { crc32 }) => header_crcs.push(crc32),
                Some(Entry::Open { file, table, len, crc32 }) => {
                    self.segments.push(Segment {
                        file,
                        table,
                        batches: Vec::new(),
                        preamble: Some((len, crc32)),
                        footer: None,
                    });
                }
                Some(Entry::Batch(batch)) => self.segment(&batch.file.clone()).batches.push(batch),
                Some(Entry::Seal { file, offset, len, crc32 }) => {
                    self.segment(&file).footer = Some((offset, len, crc32));
                }
                None if !whole && lines.peek().is_none() => {
                    self.problem(
                        manifest::FILE,
                        None,
                        ProblemKind::Torn,
                        0,
                        "its last line is torn: what it was about is not part of the trace",
                    );
                }
                None => {
                    let detail = format!("line {} is damaged: the batch that it lists cannot be read", number + 1);
                    self.problem(manifest::FILE, None, ProblemKind::Damaged, 0, &detail);
                }
            }
        }
        header_crcs
    }

    /// Returns the segment with this file name. If the line that opened the segment is damaged, the segment's table is
    /// taken from the file name.
    fn segment(&mut self, file: &str) -> &mut Segment {
        let at = self.segments.iter().rposition(|segment| segment.file == file).unwrap_or_else(|| {
            let table = file.rsplit_once('-').map_or("", |(table, _)| table).to_owned();
            self.segments.push(Segment {
                file: file.to_owned(),
                table,
                batches: Vec::new(),
                preamble: None,
                footer: None,
            });
            self.segments.len() - 1
        });
        &mut self.segments[at]
    }

    /// Compares the entries of the manifest with the lengths of the files.
    fn compare_with_files(&mut self) {
        let mut problems = Vec::new();
        let mut lengths: BTreeMap<String, u64> = BTreeMap::new();
        for entry in fs::read_dir(&self.dir).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if manifest::is_segment(&name) {
                lengths.insert(name, entry.metadata().map_or(0, |metadata| metadata.len()));
            }
        }
        for segment in &mut self.segments {
            let Some(len) = lengths.remove(&segment.file) else {
                let rows = segment.batches.iter().map(|batch| batch.rows).sum();
                problems.push(problem(&segment.file, None, ProblemKind::Missing, rows, "the file is gone"));
                segment.batches.clear();
                segment.footer = None;
                continue;
            };
            let (mut listed, mut next) = (segment.preamble.map_or(0, |(len, _)| len), 0);
            for batch in &segment.batches {
                if batch.batch != next {
                    problems.push(problem(
                        &segment.file,
                        Some(next),
                        ProblemKind::Damaged,
                        0,
                        "the manifest's line about it is damaged: it cannot be read",
                    ));
                }
                next = batch.batch.saturating_add(1);
                listed = listed.max(batch.offset.saturating_add(batch.len));
                if batch.offset.saturating_add(batch.len) > len {
                    problems.push(problem(
                        &segment.file,
                        Some(batch.batch),
                        ProblemKind::Missing,
                        batch.rows,
                        "the file ends before it",
                    ));
                }
            }
            segment.batches.retain(|batch| batch.offset.saturating_add(batch.len) <= len);
            if let Some((offset, footer, _)) = segment.footer {
                listed = offset.saturating_add(footer);
            }
            if len > listed {
                let detail = format!(
                    "{} bytes behind the last batch are not in the manifest: the collector was stopped while it wrote them",
                    len - listed
                );
                problems.push(problem(&segment.file, None, ProblemKind::Torn, 0, &detail));
            }
        }
        for file in lengths.into_keys() {
            problems.push(problem(
                &file,
                None,
                ProblemKind::Torn,
                0,
                "the file is not in the manifest: the collector was stopped while it started it",
            ));
        }
        self.problems.append(&mut problems);
    }

    /// Returns the segment's schema message, without the magic of the file.
    fn read_preamble(&self, segment: &Segment) -> Result<Vec<u8>, Problem> {
        let damaged = |detail| problem(&segment.file, None, ProblemKind::Damaged, 0, detail);
        let (len, crc32) = segment.preamble.ok_or_else(|| damaged("the manifest's line about its start is damaged"))?;
        let mut bytes =
            self.read_bytes(&segment.file, 0, len).filter(|bytes| crc32fast::hash(bytes) == crc32 && len > MAGIC);
        bytes
            .as_mut()
            .map(|bytes| bytes.split_off(MAGIC as usize))
            .ok_or_else(|| damaged("its start (the Arrow schema) is damaged"))
    }

    fn read_batch(&self, batch: &Batch) -> Result<Vec<u8>, Problem> {
        let bytes = self.read_bytes(&batch.file, batch.offset, batch.len);
        let bytes = bytes.ok_or_else(|| {
            problem(&batch.file, Some(batch.batch), ProblemKind::Missing, batch.rows, "it cannot be read from the file")
        })?;
        if crc32fast::hash(&bytes) == batch.crc32 {
            return Ok(bytes);
        }
        Err(problem(
            &batch.file,
            Some(batch.batch),
            ProblemKind::Damaged,
            batch.rows,
            "its checksum is wrong: the bytes were changed after they were written",
        ))
    }

    fn read_bytes(&self, file: &str, offset: u64, len: u64) -> Option<Vec<u8>> {
        let file = File::open(self.dir.join(file)).ok()?;
        // The length is checked first, so that a hostile manifest cannot cause an allocation larger than the file.
        (offset.checked_add(len)? <= file.metadata().ok()?.len()).then_some(())?;
        let mut bytes = vec![0; usize::try_from(len).ok()?];
        file.read_exact_at(&mut bytes, offset).ok()?;
        Some(bytes)
    }

    fn problem(&mut self, file: &str, batch: Option<u32>, kind: ProblemKind, rows_lost: u64, detail: &str) {
        self.problems.push(problem(file, batch, kind, rows_lost, detail));
    }
}

fn problem(file: &str, batch: Option<u32>, kind: ProblemKind, rows_lost: u64, detail: &str) -> Problem {
    Problem { file: file.to_owned(), batch, kind, rows_lost, detail: detail.to_owned() }
}

fn read_header(dir: &Path) -> Result<(Header, u32), Error> {
    let not_a_trace = |reason: String| Error::NotATrace { path: dir.to_owned(), reason };
    let text = fs::read(dir.join("trace.json")).map_err(|error| not_a_trace(error.to_string()))?;
    let json: serde_json::Value = serde_json::from_slice(&text).map_err(|error| not_a_trace(error.to_string()))?;
    let found = json["format"].as_u64().unwrap_or(0) as u32;
    if found > Header::FORMAT {
        return Err(Error::TooNew { path: dir.to_owned(), found, known: Header::FORMAT });
    }
    let header = serde_json::from_value(json).map_err(|error| not_a_trace(error.to_string()))?;
    Ok((header, crc32fast::hash(&text)))
}

/// Returns the schema message of a table, for segments whose own is damaged; empty for an unknown table.
fn schema_message(table: &str) -> Vec<u8> {
    let stream = tables::schema(table).and_then(|schema| StreamWriter::try_new(Vec::new(), &schema).ok());
    stream.map_or_else(Vec::new, |writer| writer.get_ref().clone())
}

fn decode(stream: Vec<u8>) -> Option<Vec<RecordBatch>> {
    StreamReader::try_new(Cursor::new(stream), None).ok()?.collect::<Result<_, _>>().ok()
}
