//! `struct page`: the metadata of a frame and its owner.
//!
//! A page describes the frame, not the data in it: once data is swapped out or migrated, the same data has another
//! `struct page`.

use super::{flags::PageFlags, migratetype::Migratetype};
use crate::machine::{Order, Pfn};

/// The owner of a frame (row T3 of the textbook).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Owner {
    /// Nobody: the frame is free, in the buddy system or on a per-CPU list.
    Free = 0,
    /// An owner that has not named itself: the frame is allocated.
    Unnamed = 1,
    /// A process.
    User = 2,
    /// The kernel, for its own data.
    Kernel = 3,
    /// The page cache.
    PageCache = 4,
    /// The kernel image, the firmware, or another owner from before the model began.
    Static = 5,
}

/// A copy of a frame's metadata.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Page {
    /// The number of the frame.
    pub pfn: Pfn,
    /// The flags; `BUDDY` is set for every frame of a free block.
    pub flags: PageFlags,
    /// The number of references. The textbook's `_count` field is one less: −1 when the page is free.
    pub count: u16,
    /// The number of page-table entries that map the frame. The kernel's `_mapcount` field is one less.
    pub mapcount: u32,
    /// A word for the use of the frame's owner; the allocator never interprets it.
    pub private: u32,
    /// The number of the object whose data the frame holds; 0 if there is none.
    pub mapping: u32,
    /// The offset of the frame's data in `mapping`.
    pub index: u32,
    /// The owner of the frame.
    pub owner: Owner,
}

impl Page {
    /// `page_count`: returns 0 for a free page, and the number of references for a page in use.
    pub const fn page_count(&self) -> u16 {
        self.count
    }

    /// Returns the value of the kernel's `_count` field, which is −1 when the page is free.
    pub const fn count_field(&self) -> i32 {
        self.count as i32 - 1
    }
}

/// The state of a frame as the allocator sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FrameState {
    /// The frame is in a free block of the buddy system.
    Free {
        /// The first frame of the block.
        head: Pfn,
        /// The order of the block.
        order: Order,
        /// The type of the list that the block is on.
        migratetype: Migratetype,
    },
    /// The frame is in a block on a per-CPU list.
    Pcp {
        /// The first frame of the block.
        head: Pfn,
        /// The order of the block.
        order: Order,
    },
    /// The frame is in an allocated block.
    Allocated {
        /// The first frame of the block.
        head: Pfn,
        /// The order of the block.
        order: Order,
        /// The type that the block was requested with.
        migratetype: Migratetype,
    },
    /// The frame is in use since before the model began, or is a hole.
    Held,
    /// The frame is in no zone.
    Absent,
}
