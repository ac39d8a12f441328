//! The second stage decodes the numbers in the tables. Every name comes from the trace itself: from its header or from
//! its tables of symbols, tasks, cgroups and caches. The only knowledge about kernels that is not in the trace is the
//! meaning of the GFP flags' names, which the crate `gfp` holds.

pub(crate) mod interval;
pub(crate) mod key;
pub(crate) mod key_words;
pub(crate) mod names;
pub(crate) mod symbols;
pub(crate) mod tasks;
