//! Captures the page and slab allocator's events from a live kernel into a trace directory.
//!
//! ```text
//!              /proc, tracefs, BTF, kallsyms                    the traced kernel's events
//!                          │                                                │
//!                       kernel ────────── offsets, tables ─────────────►   bpf
//!                          │                                                │
//!                          │                              records, one ring for each CPU
//!                          │                                                │
//!                          └── symbols, cgroups ──► names ─────────────►  merge     one time order, an account of each
//!                          │                                                │
//!                          └── snapshots of /proc ─────────────────────►  record ──► trace directory
//!
//!                       kernel ─► bpf ─► stat ─► top                    counts made inside the kernel, and no trace
//! ```
//!
//! | folder or file | does |
//! | --- | --- |
//! | [`kernel`] | reads from the running kernel the meaning of its numbers |
//! | `bpf` | loads and attaches the eBPF programs, reads their rings and counts, converts their addresses |
//! | `names` | gives numbers to symbols, stacks, slab caches, cgroups and tasks, and makes the rows that explain them |
//! | `merge` | puts the records of all CPUs into one time order, resolves their addresses, counts what became of each |
//! | [`record`] | one recording from start to end: its session, snapshots, writer thread, flight recorder |
//! | [`stat`] | counts made inside the kernel, as tables and as JSON |
//! | [`top`] | the same counts, live on a terminal |
//! | [`probe`] | what this host can capture, and why not |
//! | [`Filter`] | the filter as the user writes it |
//! | [`os`] | privileges, signals, the command to run |
//! | [`number`] | numbers as text for people |
//!
//! `main.rs` and `cli/` are the program `collector`: they parse the arguments, call this library, and print.
//!
//! **Invariant:** privileges are used for loading and attaching only; [`record`], [`stat`] and [`top`] drop them before
//! the first event is read.
//!
//! **Invariant:** no event is lost without being counted: seen = written + dropped + filtered, per program and CPU.

mod bpf;
mod error;
mod filter;
pub mod kernel;
mod merge;
mod names;
pub mod number;
pub mod os;
pub mod probe;
pub mod record;
pub mod stat;
pub mod top;

pub use error::Error;
pub use filter::Filter;
