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

/// The options for writing a trace.
#[derive(Debug, Clone)]
pub struct Options {
    /// The greatest number of rows in a batch, which is what one checksum covers.
    pub batch_rows: usize,
    /// The size in bytes from which a segment is sealed and a new one started.
    pub segment_bytes: u64,
    /// The user and group to which the files shall belong; `None` for those of the running process.
    pub owner: Option<(u32, u32)>,
}

impl Default for Options {
    fn default() -> Self {
        Self { batch_rows: 1 << 16, segment_bytes: 64 << 20, owner: None }
    }
}

/// The writer of a trace directory. Rows for which [`append`](Self::append) has returned survive the death of the
/// process.
pub struct Writer {
    dir: PathBuf,
    options: Options,
    manifest: File,
    manifest_len: u64,
    segments: BTreeMap<&'static str, SegmentWriter>,
    /// The number of segments started so far, by table.
    started: BTreeMap<&'static str, u32>,
    bytes: u64,
}

impl Writer {
    /// Creates the directory (mode 0700; it may exist if it is empty) and writes the header.
    ///
    /// # Errors
    /// [`Error::NotEmpty`] if the path exists and is not an empty directory, [`Error::Io`] if the system refuses.
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

    /// Returns the number of bytes written so far to all files.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Replaces `trace.json` in one step.
    ///
    /// # Errors
    /// [`Error::Io`] if the header cannot be written. The old header is then still there.
    pub fn write_header(&mut self, header: &Header) -> Result<(), Error> {
        let text =
            serde_json::to_string_pretty(header).expect("a header holds only strings, numbers and maps of them") + "\n";
        // The manifest is written first. A reader accepts either of the last two checksums, so a crash between the two
        // steps does no harm.
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

    /// Writes rows, in batches of at most [`Options::batch_rows`]. Rows must not be older than those of the previous
    /// call.
    ///
    /// # Errors
    /// The error, and the number of rows at the end of `rows` that are not in the trace. The writer stays usable: the
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
        // A full segment is sealed before the next batch and not after its last one. If sealing failed after the last
        // batch, that batch would be reported as lost.
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
            // A batch that is not in the manifest is not in the trace. Its bytes are removed, so that the segment has
            // no torn tail either.
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
    /// The first error. The other segments are sealed, and no rows that were appended are lost.
    pub fn finish(mut self, header: &Header) -> Result<(), Error> {
        let mut result = Ok(());
        for (_, segment) in std::mem::take(&mut self.segments) {
            let sealed = self.seal(segment);
            result = result.and(sealed);
        }
        result.and(self.write_header(header))
    }

    /// Appends a line to the manifest, as a whole or not at all.
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

/// Creates a directory for a trace or for several traces (mode 0700; it may exist if it is empty), and sets the
/// directory's owner.
///
/// # Errors
/// [`Error::NotEmpty`] if the path exists and is not an empty directory, [`Error::Io`] if the system refuses.
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
