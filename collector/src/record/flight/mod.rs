//! The flight recorder: the last seconds are kept in memory, and written into a trace of their own when something
//! happens. Then it goes on.

mod options;
mod recorder;
mod trigger;

pub use self::options::{FlightOptions, Triggers};
pub(super) use self::recorder::FlightRecorder;
