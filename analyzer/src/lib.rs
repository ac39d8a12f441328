//! This library turns a trace directory into numbers, tables, charts and one HTML page.
//!
//! ```text
//! trace directory
//!   │
//! read        tables as columns of numbers, a batch of rows at a time; what the trace lacks
//!   │
//! decode      what the numbers mean: names, call sites, threads; the keys that results are grouped by
//!   │
//! matching    every free with the allocation that it ends
//!   │
//! aggregate   one pass over the events, shown to any number of accumulators; groups, rates, histograms
//!   │
//! reports     the answers: stat, lifetimes, leaks, slab, lint, frag, kmem, diff, and the summary of all
//!   │
//! present     tables and charts in a terminal, as CSV, JSON, SVG and PNG, and on one HTML page
//! ```
//!
//! A stage uses the stages above it and none below it, with one exception: `reports` fills the tables and charts that
//! `present` shows. Three modules stand beside the flow: [`import`] makes trace directories from the files of other
//! tools, [`export`] writes traces for other tools, and [`sql`] answers queries on the tables of a trace. The command
//! line is `cli`, in the binary.
//!
//! # Invariants
//!
//! - Every number that is printed, drawn or exported comes from a [`Table`](table::Table) or a chart's data, which the
//!   tests check.
//! - Numbers are decoded with the tables in the trace's header. Nothing about a kernel is known beforehand.
//! - No result is shown without its [`Loss`].
//! - Memory grows with what is live and with the number of groups, not with the length of the trace.
//! - This library neither prints nor exits.

mod aggregate;
mod decode;
mod error;
pub mod export;
mod fast_hash;
pub mod import;
mod matching;
mod present;
mod read;
mod reports;
pub mod sql;
pub mod units;

pub use aggregate::{
    groups::{Counts, Group, Grouping},
    histogram::Histogram,
    rates::Rates,
};
pub use decode::{key::Key, names::Names};
pub use error::Error;
pub use present::{charts, table, terminal};
pub use read::{
    batches,
    events::Events,
    loss::{Account, Loss, Totals},
    snapshots,
    window::Window,
};
pub use reports::{diff, frag, gfp, info, kmem, leaks, lifetimes, lint, replay, slab, stat, summary};
