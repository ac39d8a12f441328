//! `struct page`: what is known about a frame, and who owns it.
//!
//! A page describes the frame, not the data in it: once data is swapped out or migrated, the same data has another
//! `struct page`.

use super::{flags::PageFlags, migratetype::Migratetype};
use crate::machine::{Order, Pfn};

/// Who owns a frame (row T3 of the textbook).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Owner {
    /// Nobody: free, in the buddy system or on a per-CPU list.
    Free = 0,
    /// Handed out, and the owner has not said who it is.
    Unnamed = 1,
    /// A process.
    User = 2,
    /// Kernel data.
    Kernel = 3,
    /// The page cache.
    PageCache = 4,
    /// Kernel image, firmware and everything else that was in use before the model began.
    Static = 5,
}

/// A copy of a frame's metadata.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Page {
    /// The frame.
    pub pfn: Pfn,
    /// Flags; `BUDDY` is set for every frame of a free block.
    pub flags: PageFlags,
    /// References. The textbook's `_count` field is one less: −1 when free.
    pub count: u16,
    /// Page-table entries that map the frame. The kernel's `_mapcount` field is one less.
    pub mapcount: u32,
    /// Its owner's scratch word; the allocator never interprets it.
    pub private: u32,
    /// Whose data it holds; 0 for nobody's.
    pub mapping: u32,
    /// Where in `mapping`.
    pub index: u32,
    /// Who owns it.
    pub owner: Owner,
}

impl Page {
    /// `page_count()`: 0 for a free page, more for one in use.
    pub const fn page_count(&self) -> u16 {
        self.count
    }

    /// The field itself, which is −1 when the page is free.
    pub const fn count_field(&self) -> i32 {
        self.count as i32 - 1
    }
}

/// State of a frame as the allocator sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FrameState {
    /// In a free block of the buddy system.
    Free {
        /// First frame of the block.
        head: Pfn,
        /// Its order.
        order: Order,
        /// The list it is on.
        migratetype: Migratetype,
    },
    /// In a block on a per-CPU list.
    Pcp {
        /// First frame of the block.
        head: Pfn,
        /// Its order.
        order: Order,
    },
    /// In a block that was handed out.
    Allocated {
        /// First frame of the block.
        head: Pfn,
        /// Its order.
        order: Order,
        /// The type that was asked for.
        migratetype: Migratetype,
    },
    /// In use since before the model began, or a hole.
    Held,
    /// In no zone.
    Absent,
}
