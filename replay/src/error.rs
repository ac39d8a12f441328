use std::path::PathBuf;

/// Why a trace cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The trace cannot be opened.
    #[error(transparent)]
    Trace(#[from] trace::Error),
    /// The header names no zone the model knows.
    #[error("{path} describes no memory zone that a model can be built from: its header was written without /proc/zoneinfo", path = path.display())]
    NoZones {
        /// the trace directory
        path: PathBuf,
    },
    /// More zones than the model can number.
    #[error("{path} describes {found} memory zones; the model has room for {most}", path = path.display(), most = reference::MAX_ZONES)]
    TooManyZones {
        /// the trace directory
        path: PathBuf,
        /// zones with memory
        found: usize,
    },
    /// The zones span more than a model can.
    #[error("the memory zones of {path} span {frames} page frames, and a model of them does not fit this machine's memory", path = path.display())]
    TooManyFrames {
        /// the trace directory
        path: PathBuf,
        /// from the first zone's start to the last zone's end
        frames: u64,
    },
    /// No snapshot to start from.
    #[error("{path} holds no snapshot of the free lists to start from: record with snapshots, or start with --init empty", path = path.display())]
    NoSnapshot {
        /// the trace directory
        path: PathBuf,
    },
    /// No page events.
    #[error("{path} holds no page events: record with --events page", path = path.display())]
    NoEvents {
        /// the trace directory
        path: PathBuf,
    },
    /// The page size is not the model's.
    #[error("the trace was taken with pages of {found} bytes; the model has pages of 4096 bytes only")]
    PageSize {
        /// bytes per page of the trace
        found: u64,
    },
    /// A batch is damaged, or a file is gone.
    #[error("{0}: the model would drift from here on; `analyzer info` lists what is damaged")]
    Damaged(String),
    /// An invariant of the model does not hold.
    #[error(
        "the model broke one of its own invariants ({0}): this is a bug in gfpscope, please report it with the trace"
    )]
    Invariant(#[from] reference::Violation),
    /// A what-if is not understood.
    #[error("cannot set {change:?}: {reason}")]
    WhatIf {
        /// the change as it was given
        change: String,
        /// what is wrong with it
        reason: String,
    },
}
