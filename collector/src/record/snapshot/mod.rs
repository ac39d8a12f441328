//! The snapshots of the allocator's state in `/proc`, which are taken while events are recorded.
//!
//! `reader` reads the files and makes the rows of a [`Snapshot`]. `page_frames` reads what each page frame is used for,
//! once at the start and in a thread of its own.

mod page_frames;
mod reader;
mod rows;

pub(super) use self::{page_frames::FrameReader, reader::SnapshotReader, rows::Snapshot};
