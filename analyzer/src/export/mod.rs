//! A trace for other tools: Parquet for dataframes and fleets, CSV and JSON lines for anything, folded stacks for flame
//! graphs, and a timeline for Perfetto.

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
