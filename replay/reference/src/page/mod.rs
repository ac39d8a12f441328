//! Page frames: their metadata, and the lists that free blocks are on.

mod flags;
pub(crate) mod list;
pub(crate) mod mem_map;
mod migratetype;
mod struct_page;
pub(crate) mod tag;

pub use flags::PageFlags;
pub use migratetype::{MIGRATE_TYPES, Migratetype, PCP_TYPES};
pub use struct_page::{FrameState, Owner, Page};
pub use tag::MAX_ZONES;
