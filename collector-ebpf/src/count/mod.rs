//! The programs that only count, for `collector stat` and `collector top`.

mod latency;
mod tally;
