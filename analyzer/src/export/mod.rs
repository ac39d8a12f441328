//! This module writes traces for other tools: Parquet for data frames and datasets of many hosts, CSV and JSON lines
//! for any program, folded stacks for flame graphs, and a timeline for Perfetto.

mod error;
mod folded;
mod lines;
mod parquet;
mod timeline;

pub use self::{
    error::Error,
    folded::{Folded, folded},
    lines::{Lines, lines},
    parquet::{Written, parquet},
    timeline::timeline,
};
