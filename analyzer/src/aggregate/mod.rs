//! The fourth stage sums up the matched events.
//!
//! [`accumulator`] passes over the events once and shows each event to any number of
//! [`Accumulator`](accumulator::Accumulator)s. [`group_by`] is the accumulator that most results need. An accumulator
//! that only one report needs is in that report's file.

pub(crate) mod accumulator;
pub(crate) mod group_by;
pub(crate) mod groups;
pub(crate) mod histogram;
mod key_value;
pub(crate) mod rates;
