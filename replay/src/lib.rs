//! Replay: the events of a trace drive the reference allocator, and the difference between the model and the machine is
//! measured.
//!
//! ```text
//! trace ─► Machine (layout, GFP table, generation) ─┐
//!       ─► Snapshot (free blocks, marks) ───────────┼─► Engine ─► Outcome (score, gaps, free blocks of both)
//!       ─► page events, in time order ──────────────┘
//! ```
//!
//! The tracepoints do not show everything that happens to memory. Every event that does not follow from the events
//! before it is put into a class of [`Gap`], and events that no class explains are reported as unexplained.

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
