//! The rings, from the side of the programs that write to them; trace/src/records/ring.rs says how a ring works.

mod atomic;
mod emit;
mod room;

pub use emit::{emit, emit_of_any_thread, emit_page, emit_uncounted, emit_with_own};
pub use room::Common;
