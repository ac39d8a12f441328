use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{Seek, SeekFrom, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, fchown},
    path::{Path, PathBuf},
};

use crate::{
    Entry, Error, Header, Row, manifest,
    segment::{Piece, SegmentWriter},
};

/// How a trace is written.
#[derive(Debug, Clone)]
pub struct Options {
    /// most rows in a batch: what one checksum covers
    pub batch_rows: usize,
    /// a segment is sealed when it has grown beyond so many bytes
    pub segment_bytes: u64,
    /// user and group that the files shall belong to; `None` = whoever runs
    pub owner: Option<(u32, u32)>,
}

impl Default for Options {
    fn default() -> Self {
        Self { batch_rows: 1 << 16, segment_bytes: 64 << 20, owner: None }
    }
}

/// Writes a trace directory. What [`append`](Self::append) has returned from survives the death of the process.
pub struct Writer {
    dir: PathBuf,
    options: Options,
    manifest: File,
    manifest_len: u64,
    segments: BTreeMap<&'static str, SegmentWriter>,
    /// segments started so far, per table
    started: BTreeMap<&'static str, u32>,
    bytes: u64,
}

impl Writer {
    /// Creates the directory (mode 0700; it may exist if it is empty) and writes the header.
    ///
    /// # Errors
    /// [`Error::NotEmpty`] if something is there already, [`Error::Io`] if the system refuses.
    pub fn create(dir: &Path, header: &Header, options: Options) -> Result<Self, Error> {
        create_directory(dir, options.owner)?;
        let path = dir.join(manifest::FILE);
        let manifest =
            File::options().write(true).create_new(true).mode(0o600).open(&path).map_err(Error::io("create", &path))?;
        let (segments, started) = Default::default();
        let mut writer = Self { dir: dir.to_owned(), options, manifest, manifest_len: 0, segments, started, bytes: 0 };
        writer.give_away(&writer.manifest, &path)?;
        writer.write_header(header)?;
        Ok(writer)
    }

    /// Bytes written so far, all files together.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Replaces `trace.json` in one step.
    ///
    /// # Errors
    /// [`Error::Io`]; the old header is still there then.
    pub fn write_header(&mut self, header: &Header) -> Result<(), Error> {
        let text =
            serde_json::to_string_pretty(header).expect("a header holds only strings, numbers and maps of them") + "\n";
        // The manifest first: a reader takes either of the last two checksums, so a crash between the two steps does no
        // harm.
        self.note(&Entry::Header { crc32: crc32fast::hash(text.as_bytes()) })?;
        let (path, new) = (self.dir.join("trace.json"), self.dir.join("trace.json.new"));
        let write = || {
            let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
            file.write_all(text.as_bytes())?;
            Ok(file)
        };
        let file = write().map_err(Error::io("write", &new))?;
        self.give_away(&file, &new)?;
        fs::rename(&new, &path).map_err(Error::io("replace", &path))
    }

    /// Writes rows, in batches of at most [`Options::batch_rows`]. Rows must not be older than those of the call
    /// before.
    ///
    /// # Errors
    /// The error and the number of rows at the end of `rows` that are not in the trace. The writer stays usable: the
    /// next call starts a new segment.
    pub fn append<R: Row>(&mut self, rows: &[R]) -> Result<(), (Error, usize)> {
        let mut left = rows;
        while !left.is_empty() {
            let (batch, rest) = left.split_at(left.len().min(self.options.batch_rows));
            self.append_batch(batch).map_err(|error| (error, left.len()))?;
            left = rest;
        }
        Ok(())
    }

    fn append_batch<R: Row>(&mut self, rows: &[R]) -> Result<(), Error> {
        // A full segment is sealed before the next batch, not after its last: were sealing to fail then, that batch
        // would be told as lost.
        let mut segment = match self.segments.remove(R::TABLE) {
            Some(full) if full.len() >= self.options.segment_bytes => {
                self.seal(full)?;
                self.open_segment::<R>()?
            }
            Some(segment) => segment,
            None => self.open_segment::<R>()?,
        };
        let before = segment.len();
        let batch = segment.append(rows)?;
        if let Err(error) = self.note(&Entry::Batch(batch)) {
            // Not in the manifest is not in the trace; without the bytes the segment has no torn tail either.
            let _torn = segment.truncate(before);
            return Err(error);
        }
        self.bytes += segment.len() - before;
        self.segments.insert(R::TABLE, segment);
        Ok(())
    }

    fn open_segment<R: Row>(&mut self) -> Result<SegmentWriter, Error> {
        let number = self.started.entry(R::TABLE).or_default();
        *number += 1;
        let (segment, Piece { len, crc32, .. }) = SegmentWriter::create::<R>(&self.dir, *number - 1)?;
        self.give_away(segment.file(), &self.dir.join(segment.name()))?;
        self.note(&Entry::Open { file: segment.name().to_owned(), table: R::TABLE.to_owned(), len, crc32 })?;
        self.bytes += len;
        Ok(segment)
    }

    fn seal(&mut self, segment: SegmentWriter) -> Result<(), Error> {
        let (file, Piece { offset, len, crc32 }) = segment.seal()?;
        self.bytes += len;
        self.note(&Entry::Seal { file, offset, len, crc32 })
    }

    /// Seals every segment and writes the last header.
    ///
    /// # Errors
    /// The first error; what could be sealed is sealed, and nothing that was appended is lost.
    pub fn finish(mut self, header: &Header) -> Result<(), Error> {
        let mut result = Ok(());
        for (_, segment) in std::mem::take(&mut self.segments) {
            let sealed = self.seal(segment);
            result = result.and(sealed);
        }
        result.and(self.write_header(header))
    }

    /// Appends a line to the manifest: whole, or not at all.
    fn note(&mut self, entry: &Entry) -> Result<(), Error> {
        let line = entry.to_line();
        if let Err(error) = self.manifest.write_all(line.as_bytes()) {
            let _torn = self
                .manifest
                .set_len(self.manifest_len)
                .and_then(|()| self.manifest.seek(SeekFrom::Start(self.manifest_len)));
            return Err(Error::io("write", self.dir.join(manifest::FILE))(error));
        }
        self.manifest_len += line.len() as u64;
        self.bytes += line.len() as u64;
        Ok(())
    }

    fn give_away(&self, file: &File, path: &Path) -> Result<(), Error> {
        let Some((uid, gid)) = self.options.owner else { return Ok(()) };
        fchown(file, Some(uid), Some(gid)).map_err(Error::io("change the owner of", path))
    }
}

/// Creates a directory for a trace, or for several (mode 0700; it may exist if it is empty), and gives it to its owner.
///
/// # Errors
/// [`Error::NotEmpty`] if something is there already, [`Error::Io`] if the system refuses.
pub fn create_directory(dir: &Path, owner: Option<(u32, u32)>) -> Result<(), Error> {
    match fs::symlink_metadata(dir) {
        Err(_) => fs::DirBuilder::new().mode(0o700).create(dir).map_err(Error::io("create", dir))?,
        Ok(found) if !found.is_dir() || fs::read_dir(dir).map_err(Error::io("read", dir))?.next().is_some() => {
            return Err(Error::NotEmpty { path: dir.to_owned() });
        }
        Ok(_) => {}
    }
    let Some((uid, gid)) = owner else { return Ok(()) };
    let directory = File::open(dir).map_err(Error::io("open", dir))?;
    fchown(&directory, Some(uid), Some(gid)).map_err(Error::io("change the owner of", dir))
}
