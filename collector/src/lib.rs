//! Captures the page and slab allocator's events from a live kernel into a trace directory.
//!
//! | module | does |
//! | --- | --- |
//! | [`kernel`] | learns from the running kernel what its numbers mean |
//! | [`bpf`] | loads the eBPF programs, learns what their addresses mean, reads their rings |
//! | `resolve`, `names` | turns the kernel's addresses and numbers into the trace's, and says what those stand for |
//! | `journal` | puts the events of all CPUs in one order, and keeps account of each |
//! | `snapshot` | reads `/proc` |
//! | [`record`] | one recording, from start to end |
//! | [`flight`] | the flight recorder: keeps the last seconds, and writes them when something happens |
//! | [`stat`] | counts made inside the kernel, as tables and as JSON |
//! | [`top`] | the same, live on a terminal |
//! | [`probe`] | what this host can capture, and why not |
//!
//! **Invariant:** privileges are for loading and attaching; [`record`] drops them before the first event is read.
//! **Invariant:** no event is lost without a count: seen = written + dropped + filtered, per program and CPU.

pub mod bpf;
mod child;
mod error;
pub mod flight;
mod journal;
pub mod kernel;
mod names;
mod privilege;
pub mod probe;
pub mod record;
mod resolve;
mod snapshot;
pub mod stat;
pub mod top;

pub use error::Error;
