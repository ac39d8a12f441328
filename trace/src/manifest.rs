//! `manifest.jsonl`: what was written, in order, one line each, appended when the bytes are in their file.
//!
//! A line is `{"crc32":N,"entry":{…}}`: N is the CRC-32 (IEEE) of the text of the entry, byte for byte. See [`Entry`].

use std::{fmt, path::Path};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The manifest's file name.
pub const FILE: &str = "manifest.jsonl";

/// Whether a file in a trace directory is a segment, by its name.
pub(crate) fn is_segment(file: &str) -> bool {
    Path::new(file).extension().is_some_and(|extension| extension == "arrow")
}

/// One thing that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Entry {
    /// `trace.json` is about to be replaced by one with this checksum.
    Header {
        /// of the whole file
        crc32: u32,
    },
    /// A segment was started: the Arrow magic and the schema are in it.
    Open {
        /// the segment's file name
        file: String,
        /// its table
        table: String,
        /// bytes up to the first batch
        len: u64,
        /// of these bytes
        crc32: u32,
    },
    /// A batch of rows is in its segment.
    Batch(Batch),
    /// A segment is complete: the Arrow footer is in it.
    Seal {
        /// the segment's file name
        file: String,
        /// where the footer starts
        offset: u64,
        /// its length, to the end of the file
        len: u64,
        /// of these bytes
        crc32: u32,
    },
}

/// Where a batch of rows is, and what it must look like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// the segment's file name
    pub file: String,
    /// its number in the segment, from 0
    pub batch: u32,
    /// bytes from the start of the file
    pub offset: u64,
    /// bytes
    pub len: u64,
    /// rows in it
    pub rows: u64,
    /// least `time` of its rows, ns
    pub first: u64,
    /// greatest `time` of its rows, ns
    pub last: u64,
    /// of its bytes
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
    /// The line that stands for this entry, newline included.
    pub fn to_line(&self) -> String {
        let entry = serde_json::value::to_raw_value(self).expect("entries hold only strings and numbers");
        let line = LineOut { crc32: crc32fast::hash(entry.get().as_bytes()), entry: &entry };
        serde_json::to_string(&line).expect("a checksum and a JSON value") + "\n"
    }

    /// The entry of a line; `None` if the line is damaged.
    pub fn from_line(line: &str) -> Option<Self> {
        let line: LineIn<'_> = serde_json::from_str(line).ok()?;
        let entry: Self = (crc32fast::hash(line.entry.get().as_bytes()) == line.crc32)
            .then(|| serde_json::from_str(line.entry.get()).ok())??;
        // A file name that leaves the directory is not one that we wrote.
        let plain = |file: &str| !file.contains(['/', '\0']) && is_segment(file);
        match &entry {
            Self::Header { .. } => true,
            Self::Open { file, .. } | Self::Seal { file, .. } => plain(file),
            Self::Batch(batch) => plain(&batch.file),
        }
        .then_some(entry)
    }
}

/// Something in a trace that is not as it was written. Everything else in it still reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// file name in the trace directory
    pub file: String,
    /// number of the batch in that file, where one is concerned
    pub batch: Option<u32>,
    /// what sort of problem
    pub kind: ProblemKind,
    /// rows that cannot be read because of it, as far as known
    pub rows_lost: u64,
    /// a sentence about it
    pub detail: String,
}

/// Sorts of problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// the writer was stopped in the middle: what follows the last whole batch was never part of the trace
    Torn,
    /// bytes are not those that were written
    Damaged,
    /// bytes or files are gone
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
