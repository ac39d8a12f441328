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

/// An opened trace: its header, and where its intact batches are.
pub struct Trace {
    /// the trace directory
    pub dir: PathBuf,
    /// what the numbers mean
    pub header: Header,
    /// the segments of all tables, in the order in which they were started
    pub segments: Vec<Segment>,
    /// what opening found amiss; [`Trace::verify`] finds the rest
    pub problems: Vec<Problem>,
    /// what is read, in ns of the header's clock, both ends included: everything, or what [`Trace::limit`] leaves of it
    pub span: RangeInclusive<u64>,
}

/// One file of a table.
#[derive(Debug, Clone)]
pub struct Segment {
    /// file name
    pub file: String,
    /// the table it belongs to
    pub table: String,
    /// the batches that the manifest lists and that lie within the file
    pub batches: Vec<Batch>,
    /// start and end of the bytes before the first batch, and their checksum
    preamble: Option<(u64, u32)>,
    /// start, length and checksum of the footer, once the segment is complete
    footer: Option<(u64, u64, u32)>,
}

/// Tables whose rows say what others mean, or add up what was before: they are read whatever span of time is asked for.
const TIMELESS: [&str; 7] =
    [Task::TABLE, Cgroup::TABLE, Symbol::TABLE, Stack::TABLE, Cache::TABLE, SnapshotWindow::TABLE, Ledger::TABLE];

/// Arrow's file format is its stream format behind eight bytes of magic.
const MAGIC: u64 = 8;
/// Ends an Arrow stream: a continuation marker and a length of zero.
const END_OF_STREAM: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];

impl Trace {
    /// Opens a trace. A torn or damaged one opens too, with [`problems`](Self::problems); checksums are compared when
    /// batches are read.
    ///
    /// # Errors
    /// [`Error::NotATrace`] without a readable header, [`Error::TooNew`], [`Error::Io`].
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

    /// The segments of one table.
    pub fn table(&self, table: &str) -> impl Iterator<Item = &Segment> {
        self.segments.iter().filter(move |segment| segment.table == table)
    }

    /// Leaves out what happened before or after: the trace is as if it had been recorded in this span of time only, and
    /// its clock starts and ends with it.
    pub fn limit(&mut self, span: RangeInclusive<u64>) {
        let events = self
            .segments
            .iter()
            .filter(|segment| !TIMELESS.contains(&&*segment.table))
            .flat_map(|segment| &segment.batches);
        // The header of a trace that was not ended is older than its last events.
        let last = events.map(|batch| batch.last).max().unwrap_or(0);
        let clock = &mut self.header.clock;
        clock.end_ns = clock.end_ns.max(last).min(*span.end());
        clock.start_ns = clock.start_ns.max(*span.start()).min(clock.end_ns);
        self.span = span;
    }

    /// Whether a batch of this table may have rows that are read. It may have others, too.
    pub fn reads(&self, table: &str, batch: &Batch) -> bool {
        TIMELESS.contains(&table) || (batch.first <= *self.span.end() && batch.last >= *self.span.start())
    }

    /// Rows of one table, as the manifest counts them: those of all batches that are read.
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

    /// The same, but for the batches of these tables: whoever reads those anyway is told what is wrong with them.
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

    /// A segment's intact batches as an Arrow IPC *stream*, for any Arrow reader; and what is wrong with the others.
    /// `wanted` chooses batches beforehand, say by their time range.
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

    /// All rows of a table, batch by batch, in time order; what cannot be read comes as a [`Problem`].
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

    /// All rows of a small table at once; what cannot be read is added to `problems`.
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

    /// The segment with this file name; if the line that opened it is damaged, the name says which table it is of.
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

    /// Compares what the manifest promises with the lengths of the files.
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

    /// The schema message, without the file magic.
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
        // The length is checked first: a hostile manifest must not make us allocate what no file holds.
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

/// The schema message of a table, for segments whose own is damaged. Empty for a table that we do not know.
fn schema_message(table: &str) -> Vec<u8> {
    let stream = tables::schema(table).and_then(|schema| StreamWriter::try_new(Vec::new(), &schema).ok());
    stream.map_or_else(Vec::new, |writer| writer.get_ref().clone())
}

fn decode(stream: Vec<u8>) -> Option<Vec<RecordBatch>> {
    StreamReader::try_new(Cursor::new(stream), None).ok()?.collect::<Result<_, _>>().ok()
}
