//! Driving the model with the events of a trace.

mod engine;
mod mapping;
mod missing;
mod replay;
mod run;
mod unseen;

pub use engine::{Engine, Mode};
pub use replay::{Init, Options, replay, replay_all};
