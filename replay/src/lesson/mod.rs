//! The textbook's rows as lessons, run on the reference allocator and shown step by step.
//!
//! A lesson shows only what it has just done: every number in it comes from the allocator.

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
