//! The first stage reads the tables of a trace as columns of numbers, a bounded number of rows at a time, and notes
//! what the trace lacks.
//!
//! Nothing in this stage knows what a number means. That is the work of the next stage, [`decode`](crate::decode).

pub mod batches;
pub(crate) mod columns;
pub(crate) mod events;
pub(crate) mod loss;
pub mod snapshots;
pub(crate) mod window;
