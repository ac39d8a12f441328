use std::{io, path::PathBuf};

/// The reason why nothing was exported.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The analysis of the trace failed.
    #[error(transparent)]
    Analysis(#[from] crate::Error),
    /// The operating system refused to write a file or a directory.
    #[error("cannot write {path}: {source}", path = path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The error that the system returned.
        source: io::Error,
    },
    /// The output cannot be written: its reader has closed it, or its disk is full.
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
    /// The crate parquet refused to write a file.
    #[error("cannot write {path}: {source}", path = path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// The error that the crate returned.
        source: ::parquet::errors::ParquetError,
    },
}
