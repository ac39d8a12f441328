use std::path::PathBuf;

/// The reason why a trace cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The trace cannot be opened.
    #[error(transparent)]
    Trace(#[from] trace::Error),
    /// The header names no zone that the model can be built from.
    #[error("{path} describes no memory zone that a model can be built from: its header was written without /proc/zoneinfo", path = path.display())]
    NoZones {
        /// The trace directory.
        path: PathBuf,
    },
    /// The header names more zones than the model can number.
    #[error("{path} describes {found} memory zones; the model has room for {most}", path = path.display(), most = reference::MAX_ZONES)]
    TooManyZones {
        /// The trace directory.
        path: PathBuf,
        /// The number of zones with memory.
        found: usize,
    },
    /// The zones span more frames than fit into a model on this machine.
    #[error("the memory zones of {path} span {frames} page frames, and a model of them does not fit this machine's memory", path = path.display())]
    TooManyFrames {
        /// The trace directory.
        path: PathBuf,
        /// The number of frames from the first zone's start to the last zone's end.
        frames: u64,
    },
    /// The trace has no snapshot to start from.
    #[error("{path} holds no snapshot of the free lists to start from: record with snapshots, or start with --init empty", path = path.display())]
    NoSnapshot {
        /// The trace directory.
        path: PathBuf,
    },
    /// The trace has no page events.
    #[error("{path} holds no page events: record with --events page", path = path.display())]
    NoEvents {
        /// The trace directory.
        path: PathBuf,
    },
    /// The page size of the trace is not that of the model.
    #[error("the trace was taken with pages of {found} bytes; the model has pages of 4096 bytes only")]
    PageSize {
        /// The page size of the trace, in bytes.
        found: u64,
    },
    /// A batch is damaged, or a file is missing.
    #[error("{0}: the model would drift from here on; `analyzer info` lists what is damaged")]
    Damaged(String),
    /// An invariant of the model does not hold.
    #[error(
        "the model broke one of its own invariants ({0}): this is a bug in gfpscope, please report it with the trace"
    )]
    Invariant(#[from] reference::Violation),
    /// A what-if cannot be parsed.
    #[error("cannot set {change:?}: {reason}")]
    WhatIf {
        /// The change as the user wrote it.
        change: String,
        /// The reason why the change cannot be parsed.
        reason: String,
    },
}
