//! Traces from what other tools wrote: the text of ftrace and `perf script`, and `perf.data` itself.
//!
//! This module needs nothing but the crate `trace`: the fuzz targets include it without the rest of the analyzer.

mod error;
mod kallsyms;
mod line;
mod perf_data;
mod perf_file;
mod sink;
mod text;
mod tracing_data;

use trace::GfpTable;

pub use self::{error::Error, kallsyms::Kallsyms, perf_data::import as import_perf_data, text::import as import_text};

/// The ledger's name for losses of events whose kind nobody knows, as other tools report them.
pub const ANY_PROGRAM: &str = "any";

/// What is known about the traced machine beside the text.
#[derive(Debug, Clone)]
pub struct Origin {
    /// its kernel release, as far as known
    pub kernel: String,
    /// its GFP table: the text has names only
    pub gfp: GfpTable,
    /// bytes per page
    pub page_size: u64,
    /// the command line that imports
    pub command: Vec<String>,
}

/// What was imported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    /// events that are in the trace
    pub events: u64,
    /// events that the tool says it lost
    pub lost: u64,
    /// lines or records that name no event of ours
    pub other: u64,
    /// GFP flags that the chosen kernel does not have: they were given bits that it leaves free
    pub unknown_flags: Vec<String>,
}
