//! Decoding: what the numbers in the tables mean. Every name comes from the trace itself, from its header or from its
//! tables of symbols, tasks and caches; nothing about a kernel is known beforehand but what its flags' names stand for,
//! which the crate `gfp` tells.

pub(crate) mod interval;
pub(crate) mod key;
pub(crate) mod key_words;
pub(crate) mod names;
pub(crate) mod symbols;
pub(crate) mod tasks;
