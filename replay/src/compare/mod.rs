//! The comparison of the model with the machine: the distance between them, and the events that did not fit.

mod csv;
pub(crate) mod gap;
mod json;
pub(crate) mod outcome;
pub(crate) mod score;
mod text;

pub use gap::{Gap, Gaps};
pub use outcome::{Moment, Outcome, ZoneRow};
pub use score::Score;
