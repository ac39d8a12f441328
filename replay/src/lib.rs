//! Replay: the events of a trace drive the reference allocator, and the difference between the model and the machine is
//! measured.
//!
//! ```text
//! trace ─► Machine (layout, GFP table, generation) ─┐
//!       ─► Snapshot (free blocks, marks) ────────┼─► Engine ─► Outcome (score, gaps, free blocks of both)
//!       ─► page events, in time order ───────────┘
//! ```
//!
//! What the tracepoints do not show is part of the answer: every event that does not fit the model's books is put into
//! a class of [`Gap`], and what no class explains is reported as such.

mod bench;
mod engine;
mod error;
mod evidence;
mod fragmentation;
mod gap;
mod initial;
mod lesson;
mod machine;
mod mapping;
mod outcome;
mod random;
mod run;
mod score;
mod setting;
mod snapshot;
mod unseen;

pub use bench::{BenchRow, bench};
pub use engine::{Engine, Mode};
pub use error::Error;
pub use fragmentation::{FragmentationRow, PUBLISHED, fragmentation};
pub use gap::{Gap, Gaps};
pub use lesson::{LESSONS, Lesson, LessonError};
pub use machine::{Machine, Policy};
pub use outcome::{Moment, Outcome, ZoneRow};
pub use reference::FreeBlocks;
pub use run::{Init, Options, replay, replay_all};
pub use score::Score;
pub use setting::{SETTINGS, Setting};
pub use snapshot::{Snapshot, ZoneSnapshot, snapshots};
