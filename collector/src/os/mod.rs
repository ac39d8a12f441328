//! The uses of the operating system other than tracing: privileges, signals, and the command to run.

pub(crate) mod child;
pub(crate) mod privilege;
mod signals;

pub use signals::{set_on_usr1, stop_on_signals};
