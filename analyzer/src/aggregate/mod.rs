//! Aggregating: from matched events to sums.
//!
//! [`accumulator`] passes over the events once and shows each to any number of
//! [`Accumulator`](accumulator::Accumulator)s. [`group_by`] is the one that most results need; those that only one
//! report needs are in that report's file.

pub(crate) mod accumulator;
pub(crate) mod group_by;
pub(crate) mod groups;
pub(crate) mod histogram;
mod key_value;
pub(crate) mod rates;
