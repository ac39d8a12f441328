//! The manifest, `manifest.jsonl`, which lists in order what was written to the trace. A line is appended once the
//! bytes that it describes are in their file.
//!
//! A line is `{"crc32":N,"entry":{…}}`, where N is the CRC-32 (IEEE) of the bytes of the entry's text. See [`Entry`].

use std::{fmt, path::Path};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The manifest's file name.
pub const FILE: &str = "manifest.jsonl";

/// Returns whether a file in a trace directory is a segment, by its name.
pub(crate) fn is_segment(file: &str) -> bool {
    Path::new(file).extension().is_some_and(|extension| extension == "arrow")
}

/// A line of the manifest: a piece of the trace that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Entry {
    /// `trace.json` is about to be replaced by one with this checksum.
    Header {
        /// The CRC-32 of the whole file.
        crc32: u32,
    },
    /// A segment was started: the Arrow magic and the schema are in the file.
    Open {
        /// The segment's file name.
        file: String,
        /// The name of the segment's table.
        table: String,
        /// The number of bytes before the first batch.
        len: u64,
        /// The CRC-32 of these bytes.
        crc32: u32,
    },
    /// A batch of rows was appended to a segment.
    Batch(Batch),
    /// A segment is complete: the Arrow footer is in the file.
    Seal {
        /// The segment's file name.
        file: String,
        /// The offset of the footer, in bytes from the start of the file.
        offset: u64,
        /// The length of the footer in bytes, which reaches to the end of the file.
        len: u64,
        /// The CRC-32 of these bytes.
        crc32: u32,
    },
}

/// The place of a batch of rows in its segment, with what is needed to check and to choose it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// The segment's file name.
    pub file: String,
    /// The number of the batch in the segment, from 0.
    pub batch: u32,
    /// The offset of the batch, in bytes from the start of the file.
    pub offset: u64,
    /// The length of the batch in bytes.
    pub len: u64,
    /// The number of rows in the batch.
    pub rows: u64,
    /// The least `time` of the batch's rows, in ns of the header's clock.
    pub first: u64,
    /// The greatest `time` of the batch's rows, in ns of the header's clock.
    pub last: u64,
    /// The CRC-32 of the batch's bytes.
    pub crc32: u32,
}

#[derive(Serialize)]
struct LineOut<'a> {
    crc32: u32,
    entry: &'a RawValue,
}

#[derive(Deserialize)]
struct LineIn<'a> {
    crc32: u32,
    #[serde(borrow)]
    entry: &'a RawValue,
}

impl Entry {
    /// Returns the line of this entry, including the newline.
    pub fn to_line(&self) -> String {
        let entry = serde_json::value::to_raw_value(self).expect("entries hold only strings and numbers");
        let line = LineOut { crc32: crc32fast::hash(entry.get().as_bytes()), entry: &entry };
        serde_json::to_string(&line).expect("a checksum and a JSON value") + "\n"
    }

    /// Returns the entry of a line, or `None` if the line is damaged.
    pub fn from_line(line: &str) -> Option<Self> {
        let line: LineIn<'_> = serde_json::from_str(line).ok()?;
        let entry: Self = (crc32fast::hash(line.entry.get().as_bytes()) == line.crc32)
            .then(|| serde_json::from_str(line.entry.get()).ok())??;
        // A file name that leads out of the directory was not written by this crate.
        let plain = |file: &str| !file.contains(['/', '\0']) && is_segment(file);
        match &entry {
            Self::Header { .. } => true,
            Self::Open { file, .. } | Self::Seal { file, .. } => plain(file),
            Self::Batch(batch) => plain(&batch.file),
        }
        .then_some(entry)
    }
}

/// A piece of a trace that is not as it was written. Everything else in the trace can still be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The name of the file in the trace directory.
    pub file: String,
    /// The number of the batch in that file, if the problem concerns one batch.
    pub batch: Option<u32>,
    /// The kind of the problem.
    pub kind: ProblemKind,
    /// The number of rows that cannot be read because of the problem, as far as it is known.
    pub rows_lost: u64,
    /// A description of the problem.
    pub detail: String,
}

/// The kinds of problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// The writer was stopped in the middle of a write. The bytes behind the last complete batch were never part of the
    /// trace.
    Torn,
    /// Bytes are not those that were written.
    Damaged,
    /// Bytes or files are gone.
    Missing,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if let Some(batch) = self.batch {
            write!(f, ", batch {batch}")?;
        }
        write!(f, ": {}", self.detail)?;
        if self.rows_lost > 0 {
            write!(f, " ({} rows cannot be read)", self.rows_lost)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_reads_back_and_no_flipped_bit_passes() {
        let entry = Entry::Batch(Batch {
            file: "page-000000.arrow".into(),
            batch: 3,
            offset: 512,
            len: 99,
            rows: 7,
            first: 1,
            last: 2,
            crc32: 0xdead_beef,
        });
        let line = entry.to_line();
        assert_eq!(Entry::from_line(line.trim_end()), Some(entry.clone()));
        for bit in 0..line.trim_end().len() * 8 {
            let mut bytes = line.trim_end().as_bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            if let Ok(text) = std::str::from_utf8(&bytes) {
                assert_eq!(Entry::from_line(text), None, "{text}");
            }
        }
    }

    #[test]
    fn a_file_name_cannot_leave_the_directory() {
        let entry = Entry::Seal { file: "../x.arrow".into(), offset: 0, len: 0, crc32: 0 };
        assert_eq!(Entry::from_line(entry.to_line().trim_end()), None);
    }
}
