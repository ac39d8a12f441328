//! From a trace directory to numbers, tables, charts and one HTML page.
//!
//! ```text
//! trace::Trace ─ frames ─ pages / objects ─ observers (stat, lifetimes, rates …) ─ Table ─ terminal, CSV, JSON, HTML
//!                         (frees matched                                        └ charts ─ SVG, PNG
//!                          with allocations)
//! ```
//!
//! [`frames`] reads a table segment by segment as polars frames. `pages` and `objects` pass over the events once, in
//! time order, match every free with its allocation, and show the result to any number of observers. What allocations
//! have in common is a `profile` with a number, by which observers find their sums; polars aggregates those in the end.
//! So memory grows with what is live and with the number of groups, not with the length of the trace. Pages and objects
//! do not depend on one another: where both are wanted, they are read at once.
//!
//! # Invariants
//!
//! - Every number that is printed, drawn or exported comes from a [`Table`](table::Table) or a chart's data, which the
//!   tests check.
//! - Numbers are decoded with the tables in the trace's header. Nothing about a kernel is known beforehand.
//! - No result is shown without its [`Loss`].
//! - This library neither prints nor exits.

pub mod analysis;
pub mod charts;
mod columns;
mod cube;
pub mod diff;
mod error;
pub mod export;
mod fast_hash;
pub mod figures;
pub mod frag;
mod frame_set;
pub mod frames;
pub mod gfp;
pub mod import;
pub mod info;
mod key;
pub mod kmem;
pub mod leaks;
pub mod lifetimes;
pub mod lint;
mod live;
pub mod loss;
mod matched;
mod misuse;
pub mod model;
mod names;
mod objects;
mod observer;
mod pages;
mod profile;
pub mod rates;
pub mod report;
pub mod size_classes;
pub mod slab;
mod slab_growth;
pub mod snapshots;
pub mod sql;
pub mod stat;
mod symbols;
pub mod table;
mod tasks;
pub mod terminal;
pub mod units;
mod window;

pub use analysis::Analysis;
pub use error::Error;
pub use info::Info;
pub use key::{Events, Key};
pub use loss::Loss;
pub use names::Names;
pub use stat::Stat;
pub use window::Window;
