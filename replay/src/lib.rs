//! Replay: the events of a trace drive the reference allocator, and the difference between the model and the machine is
//! measured.
//!
//! ```text
//! trace ─► Machine (layout, GFP table, generation) ─┐
//!       ─► Snapshot (free blocks, marks) ───────────┼─► Engine ─► Outcome (score, gaps, free blocks of both)
//!       ─► page events, in time order ──────────────┘
//! ```
//!
//! What the tracepoints do not show is part of the answer: every event that does not fit the model's books is put into
//! a class of [`Gap`], and what no class explains is reported as such.

mod bench;
mod compare;
mod drive;
mod error;
mod lesson;
mod number;
mod start;
mod whatif;

pub use bench::{BenchRow, FragmentationRow, PUBLISHED, bench, fragmentation};
pub use compare::{Gap, Gaps, Moment, Outcome, Score, ZoneRow};
pub use drive::{Engine, Init, Mode, Options, replay, replay_all};
pub use error::Error;
pub use lesson::{LESSONS, Lesson, LessonError};
pub use start::{Machine, Snapshot, ZoneSnapshot, snapshots};
pub use whatif::{WhatIf, side_by_side};
