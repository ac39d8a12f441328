//! A recording, from loading the programs to the last row of the ledger.
//!
//! ```text
//! recording (sets everything up, drops privileges)
//!    └─► session (empties the rings, takes snapshots, until something ends it)
//!           └─► output: writer thread ─► one trace directory
//!                    or flight recorder ─► a trace directory each time something happens
//! ```

mod flight;
mod options;
mod output;
mod recording;
mod session;
mod snapshot;
mod summary;
mod writer_thread;

pub use self::{
    flight::{FlightOptions, Triggers},
    options::{Options, Requests},
    recording::record,
    summary::{Progress, Summary},
};
pub use crate::bpf::Source;
