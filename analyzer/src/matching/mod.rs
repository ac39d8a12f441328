//! Matching: every free with the allocation that it ends.
//!
//! [`pages`] and [`objects`] pass over the events once, in time order, remember what is live, and hand on
//! [`MatchedEvent`](event::MatchedEvent)s. Memory grows with what is live, not with the length of the trace. Pages and
//! objects do not depend on one another: where both are wanted, they are read at the same time.

pub(crate) mod attributes;
pub(crate) mod event;
mod live_frames;
pub(crate) mod objects;
pub(crate) mod pages;
