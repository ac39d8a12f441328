//! The questions of `perf kmem stat`, answered rightly, or exactly as perf answers them.
//!
//! perf identifies a page by its first frame only and never looks into a block, so this is computed by itself: this
//! crate's other statistics follow each frame. [`Arithmetic::Perf`] repeats what `tools/perf/builtin-kmem.c` does,
//! oddities and labels included, so that both can be compared number for number on one recording; [`Arithmetic::Right`]
//! leaves the oddities out. They are:
//!
//! - a request that failed counts among those that were not freed;
//! - a page that is allocated again while perf believes it live keeps its old order, mask and migratetype;
//! - an object that is freed twice is freed twice, and moved between CPUs each time;
//! - the names of migratetypes are those of Linux 3.x, and the masks are abbreviated ambiguously.

mod objects;
mod order;
mod pages;
mod perf;

pub use self::{
    objects::{Objects, Site},
    order::{ObjectKey, PageKey},
    pages::{Block, Pages, Sum, Wanted},
    perf::{PERF_MIGRATETYPES, objects as perf_objects, pages as perf_pages},
};

/// By whose rules is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Arithmetic {
    /// what is true
    #[default]
    Right,
    /// what `perf kmem stat` prints
    Perf,
}

/// What is shown of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing<K> {
    /// sorted by these, greatest first; ties by the row's own key
    pub sort: Vec<K>,
    /// so many rows at most
    pub lines: Option<usize>,
}
