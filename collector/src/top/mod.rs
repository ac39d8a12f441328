//! `collector top`: the counts of the kernel's own making, live on a terminal.
//!
//! ```text
//! Counter ─► Sample ─┐
//! /proc/buddyinfo ───┴─► Model (pure: rates, sorting, filters, keys) ─► draw (pure: Model to a screen)
//! ```

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
pub use view::{Focus, Sort, View};
