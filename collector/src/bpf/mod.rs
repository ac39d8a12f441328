//! The eBPF side: loading the programs, learning what their addresses mean, reading their rings.

mod addresses;
mod capture;
mod counting;
mod fields;
mod misses;
mod object;
mod rings;

pub use addresses::Addresses;
pub use capture::{Capture, Filter, Settings};
pub use counting::{CountSettings, Counting};
pub use rings::{Drained, Record};

/// How the page and slab programs are attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// raw tracepoints: the arguments of the traced call
    Raw,
    /// ftrace's records, by the offsets of the `format` files
    Tracepoint,
}
