//! What the collector asks of the operating system beside tracing: privileges, signals, a command to run.

pub(crate) mod child;
pub(crate) mod privilege;
mod signals;

pub use signals::{set_on_usr1, stop_on_signals};
