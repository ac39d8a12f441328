//! The writer of one segment, an Arrow IPC file that grows by whole batches.

use std::{
    fs::File,
    io::{self, Seek, Write},
    mem,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use arrow_array::RecordBatch;
use arrow_ipc::{
    CompressionType, MetadataVersion,
    writer::{FileWriter, IpcWriteOptions},
};
use arrow_schema::ArrowError;

use crate::{Error, Row, manifest};

/// A segment that is being written. The Arrow encoder writes into memory, and each piece is then written to the file as
/// a whole, so that the file never holds a part of one after an error.
pub(crate) struct SegmentWriter {
    table: &'static str,
    name: String,
    path: PathBuf,
    file: File,
    encoder: FileWriter<Vec<u8>>,
    len: u64,
    batches: u32,
}

/// A piece of a segment that has been written to the file.
pub(crate) struct Piece {
    pub offset: u64,
    pub len: u64,
    pub crc32: u32,
}

impl SegmentWriter {
    /// Creates the file and writes the schema into it. An existing file, symbolic links included, is refused.
    pub fn create<R: Row>(dir: &Path, number: u32) -> Result<(Self, Piece), Error> {
        let name = format!("{}-{number:06}.arrow", R::TABLE);
        let path = dir.join(&name);
        let file =
            File::options().write(true).create_new(true).mode(0o600).open(&path).map_err(Error::io("create", &path))?;
        // With the least alignment, 8 bytes, the magic takes eight bytes, and the bytes behind it are an Arrow stream.
        let options = IpcWriteOptions::try_new(8, false, MetadataVersion::V5);
        let options = options.and_then(|options| options.try_with_compression(Some(CompressionType::LZ4_FRAME)));
        let encoder = options.and_then(|options| FileWriter::try_new_with_options(Vec::new(), &R::schema(), options));
        let encoder = encoder.map_err(|error| Error::Arrow { table: R::TABLE, error })?;
        let mut segment = Self { table: R::TABLE, name, path, file, encoder, len: 0, batches: 0 };
        let piece = segment.flush()?;
        Ok((segment, piece))
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn len(&self) -> u64 {
        self.len
    }

    pub fn file(&self) -> &File {
        &self.file
    }

    /// Appends one batch. After an error, the segment must not be written to any more, because the encoder has counted
    /// a batch that is not in the file.
    pub fn append<R: Row>(&mut self, rows: &[R]) -> Result<manifest::Batch, Error> {
        let batch = RecordBatch::try_new(self.encoder.schema().clone(), R::to_columns(rows))
            .and_then(|batch| self.encoder.write(&batch));
        batch.map_err(|error| self.encoding(error))?;
        let Piece { offset, len, crc32 } = self.flush()?;
        let times = rows.iter().map(Row::time);
        let (first, last) = (times.clone().min().unwrap_or(0), times.max().unwrap_or(0));
        self.batches += 1;
        Ok(manifest::Batch {
            file: self.name.clone(),
            batch: self.batches - 1,
            offset,
            len,
            rows: rows.len() as u64,
            first,
            last,
            crc32,
        })
    }

    /// Writes the footer, with which any Arrow reader can open the file.
    pub fn seal(mut self) -> Result<(String, Piece), Error> {
        self.encoder.finish().map_err(|error| self.encoding(error))?;
        let piece = self.flush()?;
        self.file.sync_data().map_err(Error::io("sync", &self.path))?;
        Ok((self.name, piece))
    }

    /// Shortens the file to `len` bytes, so that it does not keep a batch that is not in the manifest.
    pub fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.file.set_len(len)?;
        self.file.seek(io::SeekFrom::Start(len))?;
        self.len = len;
        Ok(())
    }

    fn flush(&mut self) -> Result<Piece, Error> {
        let bytes = mem::take(self.encoder.get_mut());
        let offset = self.len;
        if let Err(error) = self.file.write_all(&bytes) {
            // If even this fails, the reader reports a torn tail.
            let _torn = self.truncate(offset);
            return Err(Error::io("write", &self.path)(error));
        }
        self.len += bytes.len() as u64;
        let piece = Piece { offset, len: bytes.len() as u64, crc32: crc32fast::hash(&bytes) };
        // The buffer is kept for the next batch.
        let mut bytes = bytes;
        bytes.clear();
        *self.encoder.get_mut() = bytes;
        Ok(piece)
    }

    fn encoding(&self, error: ArrowError) -> Error {
        Error::Arrow { table: self.table, error }
    }
}
