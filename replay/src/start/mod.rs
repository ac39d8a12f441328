//! The start of the model: the machine that was traced, and the state of its memory at the first snapshot.

mod frame;
mod free;
pub(crate) mod history;
pub(crate) mod initial;
mod machine;
mod pageblocks;
mod placement;
mod snapshot;
mod span;
pub(crate) mod zoneinfo;

pub use machine::Machine;
pub use snapshot::{Snapshot, ZoneSnapshot, snapshots};
