//! The third stage matches every free with the allocation that it ends.
//!
//! [`pages`] and [`objects`] pass over the events once, in time order, remember the live allocations, and hand on
//! [`MatchedEvent`](event::MatchedEvent)s. Memory grows with the live set, not with the length of the trace. Pages and
//! objects do not depend on one another, so they are read at the same time where both are wanted.

pub(crate) mod attributes;
pub(crate) mod event;
mod live_frames;
pub(crate) mod objects;
pub(crate) mod pages;
