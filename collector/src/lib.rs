//! Captures the page and slab allocator's events from a live kernel into a trace directory.
//!
//! | module | does |
//! | --- | --- |
//! | [`kernel`] | learns from the running kernel what its numbers mean |
//! | [`bpf`] | loads the eBPF programs, learns what their addresses mean, reads their rings |
//! | `journal` | puts the events of all CPUs in one order, and keeps account of each |
//! | `snapshot` | reads `/proc` |
//! | [`record`] | one recording, from start to end |
//! | [`probe`] | what this host can capture, and why not |
//!
//! **Invariant:** privileges are for loading and attaching; [`record`] drops them before the first event is read.
//! **Invariant:** no event is lost without a count: seen = written + dropped + filtered, per program and CPU.

pub mod bpf;
mod error;
mod journal;
pub mod kernel;
mod privilege;
pub mod probe;
pub mod record;
mod snapshot;
mod symbols;
mod tasks;

pub use error::Error;
