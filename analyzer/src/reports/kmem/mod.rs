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

mod block;
mod frame_set;
mod objects;
mod pages;
mod perf;
mod site;
mod sort;
mod wanted;

pub use self::{
    block::{Block, Sum},
    objects::Objects,
    pages::Pages,
    perf::{PERF_MIGRATETYPES, objects as perf_objects, pages as perf_pages},
    site::Site,
    sort::{ObjectKey, PageKey},
    wanted::{Arithmetic, Listing, Wanted},
};
