//! Reading: the tables of a trace as columns of numbers, a bounded number of rows at a time, with everything that the
//! trace lacks written down beside them.
//!
//! Nothing in here knows what a number means: that is the next stage's work, [`decode`](crate::decode).

pub mod batches;
pub(crate) mod columns;
pub(crate) mod events;
pub(crate) mod loss;
pub mod snapshots;
pub(crate) mod window;
