//! This module writes the tables of a trace as Parquet files: `DIR/TABLE/host=HOST/day=YYYY-MM-DD/BOOT-START.parquet`.
//! `DuckDB`, polars and Spark read this layout as a partitioned dataset, so the exports of many hosts can share a
//! directory.
//!
//! Times and addresses are stored as differences from row to row, and columns with few values as dictionaries. So a
//! page event takes only a few bytes.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::Arc,
};

use ::parquet::{
    arrow::ArrowWriter,
    basic::{Compression, Encoding},
    errors::ParquetError,
    file::{metadata::KeyValue, properties::WriterProperties},
    schema::types::ColumnPath,
};
use arrow_array::RecordBatch;
use trace::{
    Cache, Cgroup, FragEvent, FrameRun, FreeArea, Ledger, PageEvent, Pageblock, Problem, ReclaimEvent, Row, SlabEvent,
    SlabInfo, SnapshotWindow, Stack, Symbol, Task, Trace, VmStat, ZoneStat,
};

use super::error::Error;
use crate::reports::info;

/// The number of rows of a row group, which is the unit that a reader decodes at once.
const GROUP: usize = 1 << 20;

/// The columns that are stored as differences, since they grow slowly, or have too many values for a dictionary.
const DIFFERENCES: [&str; 3] = ["time", "pfn", "object"];

/// A written file and its size in bytes.
pub type Written = (PathBuf, u64);

/// Writes every table of a trace. Returns the files with their sizes, and the problems met.
///
/// # Errors
/// Returns [`Error::Parquet`] or [`Error::Io`] if a file cannot be written.
pub fn parquet(trace: &Trace, dir: &Path) -> Result<(Vec<Written>, Vec<Problem>), Error> {
    let mut export = Export { trace, dir, files: Vec::new(), problems: trace.problems.clone() };
    export.table::<PageEvent>()?;
    export.table::<SlabEvent>()?;
    export.table::<FragEvent>()?;
    export.table::<ReclaimEvent>()?;
    export.table::<Task>()?;
    export.table::<Cgroup>()?;
    export.table::<Symbol>()?;
    export.table::<Stack>()?;
    export.table::<Cache>()?;
    export.table::<FreeArea>()?;
    export.table::<Pageblock>()?;
    export.table::<ZoneStat>()?;
    export.table::<VmStat>()?;
    export.table::<SlabInfo>()?;
    export.table::<FrameRun>()?;
    export.table::<SnapshotWindow>()?;
    export.table::<Ledger>()?;
    Ok((export.files, export.problems))
}

struct Export<'a> {
    trace: &'a Trace,
    dir: &'a Path,
    files: Vec<Written>,
    problems: Vec<Problem>,
}

impl Export<'_> {
    fn table<R: Row>(&mut self) -> Result<(), Error> {
        if self.trace.rows_of(R::TABLE) == 0 {
            return Ok(());
        }
        let header = &self.trace.header;
        let started = info::utc(header);
        let day = started.split('T').next().unwrap_or("unknown");
        let dir = self.dir.join(R::TABLE).join(format!("host={}", plain(&header.host))).join(format!("day={day}"));
        fs::create_dir_all(&dir).map_err(|source| Error::Io { path: dir.clone(), source })?;
        let path =
            dir.join(format!("{}-{}.parquet", plain(header.boot_id.get(..8).unwrap_or("boot")), header.clock.start_ns));
        let file = File::create(&path).map_err(|source| Error::Io { path: path.clone(), source })?;
        let failed = |source: ParquetError| Error::Parquet { path: path.clone(), source };
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::LZ4_RAW)
            .set_max_row_group_row_count(Some(GROUP))
            // The header travels with the numbers, since it tells what they mean.
            .set_key_value_metadata(Some(vec![KeyValue::new(
                "gfpscope".to_owned(),
                serde_json::to_string(header).ok(),
            )]));
        for column in DIFFERENCES {
            let column = ColumnPath::from(column);
            properties = properties
                .set_column_dictionary_enabled(column.clone(), false)
                .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED);
        }
        let schema = Arc::new(R::schema());
        let mut writer = ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties.build())).map_err(failed)?;
        for rows in self.trace.rows::<R>() {
            match rows {
                Ok(rows) => {
                    let batch = RecordBatch::try_new(Arc::clone(&schema), R::to_columns(&rows))
                        .map_err(|error| failed(error.into()))?;
                    writer.write(&batch).map_err(failed)?;
                }
                Err(problem) => self.problems.push(problem),
            }
        }
        writer.close().map_err(failed)?;
        let size = fs::metadata(&path).map_or(0, |metadata| metadata.len());
        self.files.push((path, size));
        Ok(())
    }
}

/// Returns a name of the trace as one safe component of a path.
fn plain(name: &str) -> String {
    let plain: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' }).collect();
    if plain.trim_matches('.').is_empty() { "unknown".to_owned() } else { plain }
}
