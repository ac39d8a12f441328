use std::{io, path::PathBuf};

/// Why nothing was exported.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The analysis behind it failed.
    #[error(transparent)]
    Analysis(#[from] crate::Error),
    /// The operating system refused.
    #[error("cannot write {path}: {source}", path = path.display())]
    Io {
        /// on which file or directory
        path: PathBuf,
        /// what the system said
        source: io::Error,
    },
    /// Whoever reads has gone, or the output's disk is full.
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
    /// Parquet refused.
    #[error("cannot write {path}: {source}", path = path.display())]
    Parquet {
        /// on which file
        path: PathBuf,
        /// what it said
        source: ::parquet::errors::ParquetError,
    },
}
