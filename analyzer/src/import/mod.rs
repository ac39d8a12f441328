//! This module makes trace directories from the files of other tools: the text of ftrace and `perf script`, and
//! `perf.data`.
//!
//! It uses nothing but the crate `trace`, since the fuzz targets include it without the rest of the analyzer.

mod error;
mod imported;
mod kallsyms;
mod line;
mod origin;
mod perf_data;
mod perf_file;
mod sink;
mod text;
mod tracing_data;

pub use self::{
    error::Error, imported::Imported, kallsyms::Kallsyms, origin::Origin, perf_data::import as import_perf_data,
    text::import as import_text,
};
