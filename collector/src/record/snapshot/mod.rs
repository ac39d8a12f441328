//! Snapshots: what `/proc` says about the allocator's state while events are recorded.
//!
//! `reader` reads the files and makes the rows of a [`Snapshot`]; `page_frames` reads once, at the start and in a
//! thread of its own, what each page frame is used for.

mod page_frames;
mod reader;
mod rows;

pub(super) use self::{page_frames::FrameReader, reader::SnapshotReader, rows::Snapshot};
