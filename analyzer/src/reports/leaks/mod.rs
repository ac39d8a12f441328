//! What was allocated all through the trace and never freed: suspects, not verdicts.
//!
//! A site that keeps what it allocates shows it in every part of the trace; a cache that was filled, or a process that
//! is at work, does not, and frees that the trace missed are few among many. So the trace is cut into slices, and a
//! site is suspected by how many of its allocations survived, and by how evenly they did. The last slice is left out:
//! what was allocated there had no time to be freed.
//!
//! Two things speak for a site. Where its objects come back without a free having been seen, because their memory is
//! given out again, its frees are not traced, and the other survivors have probably been freed the same way. And a slab
//! cache that did not grow cannot have kept them (`slab_growth`).

mod slab_growth;
mod suspects;

pub use self::suspects::{Suspect, read, table};
