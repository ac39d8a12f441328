//! The live view of `collector top`, which shows the counts of `collector stat` on a terminal.
//!
//! ```text
//! Counter ─► Sample ─┐
//! /proc/buddyinfo ───┼─► model (rates, sorting, filters) ─► draw (model to a screen) ─► terminal
//! terminal ─► keys ──┘
//! ```
//!
//! `model`, `keys` and `draw` depend neither on a kernel nor on a terminal, so that tests can run them.

mod draw;
mod key;
mod keys;
mod model;
mod run;
mod terminal;
mod view;

pub use draw::{Theme, draw};
pub use key::Key;
pub use keys::Next;
pub use model::Model;
pub use run::top;
pub use view::{Sort, View};
