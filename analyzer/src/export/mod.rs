//! A trace for other tools: Parquet for dataframes and fleets, CSV and JSON lines for anything, folded stacks for flame
//! graphs, and a timeline for Perfetto.

mod folded;
mod lines;
mod parquet;
mod timeline;

use std::{io, path::PathBuf};

pub use self::{
    folded::{Folded, folded},
    lines::{Lines, lines},
    parquet::{Written, parquet},
    timeline::timeline,
};

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
