//! The merger, which turns the records of all CPUs into the batches of a trace. The batches are in one time order and
//! have resolved addresses, and an account says what became of each record.
//!
//! ```text
//! bpf::Record ─► resolve ─► queue (one for each table) ─► merger ─► batch ─► trace_writer ─► a trace's segments
//!                                                                     └────► account
//! ```
//!
//! **Invariant:** each record that comes out of a ring is counted once: as written, as lost (the writer failed), or as
//! evicted (the flight recorder kept the record for its time and did not need it).

mod account;
mod batch;
mod merger;
mod queue;
mod resolve;
mod trace_writer;

pub use self::{
    merger::{HeldEvent, Merger},
    resolve::Resolver,
    trace_writer::TraceWriter,
};
