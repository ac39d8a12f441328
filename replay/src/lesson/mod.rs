//! The textbook's rows, run on the reference allocator and shown step by step.
//!
//! Nothing is told that was not just done: every number in a lesson comes from the allocator.

mod buddy;
mod contents;
mod error;
mod gfp;
mod mapping;
mod objects;
mod pages;
mod script;
mod zones;

pub use contents::{LESSONS, Lesson};
pub use error::LessonError;
