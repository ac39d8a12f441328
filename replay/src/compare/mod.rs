//! The model beside the machine: how far apart they are, and which events did not fit.

mod csv;
pub(crate) mod gap;
mod json;
pub(crate) mod outcome;
pub(crate) mod score;
mod text;

pub use gap::{Gap, Gaps};
pub use outcome::{Moment, Outcome, ZoneRow};
pub use score::Score;
