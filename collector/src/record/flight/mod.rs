//! The flight recorder, which keeps the last seconds in memory and writes them to a new trace when a trigger fires.
//! After that, it goes on.

mod options;
mod recorder;
mod trigger;

pub use self::options::{FlightOptions, Triggers};
pub(super) use self::recorder::FlightRecorder;
