//! Queries about a frame: the block that it lies in, its `struct page`, and its owner.

use super::allocator::PageAllocator;
use crate::{
    FrameState, Misuse, Order, Owner, Page, PageFlags, Pfn, ZoneId,
    machine::MAX_ORDER,
    page::{
        mem_map::Note,
        tag::{BlockState, Tag},
    },
};

impl PageAllocator {
    /// Returns the zone that a frame belongs to, or `None` if it lies in no zone.
    pub fn zone_of(&self, pfn: Pfn) -> Option<ZoneId> {
        self.zones.iter().find(|z| z.spans(pfn.0)).map(|z| ZoneId(z.id))
    }

    /// Returns the first frame and the tag of the block that covers a frame. Only a block's first frame has a tag, so
    /// the possible first frames are tried, smallest block first.
    pub(crate) fn block_of(&self, pfn: u64) -> Option<(u64, Tag)> {
        (0..=MAX_ORDER).find_map(|order| {
            let head = pfn >> order << order;
            let tag = self.map.tag(self.map.find(head)?);
            (!tag.is_none() && tag.order() >= order).then_some((head, tag))
        })
    }

    /// Returns the state of a frame.
    pub fn frame(&self, pfn: Pfn) -> FrameState {
        if self.zone_of(pfn).is_none() {
            return FrameState::Absent;
        }
        let Some((head, tag)) = self.block_of(pfn.0) else { return FrameState::Held };
        let (head, order, migratetype) = (Pfn(head), Order(tag.order()), tag.migratetype());
        match tag.state() {
            BlockState::Buddy => FrameState::Free { head, order, migratetype },
            BlockState::Pcp => FrameState::Pcp { head, order },
            BlockState::Allocated => FrameState::Allocated { head, order, migratetype },
            BlockState::None => FrameState::Held,
        }
    }

    /// Returns the frame's `struct page`, or `None` if the frame lies in no zone.
    pub fn page(&self, pfn: Pfn) -> Option<Page> {
        self.zone_of(pfn)?;
        let i = self.map.index(pfn.0);
        let state = self.frame(pfn);
        let mut flags = PageFlags(self.map.flags(i));
        let (count, owner) = match state {
            FrameState::Free { .. } => {
                flags = flags.union(PageFlags::BUDDY);
                (0, Owner::Free)
            }
            FrameState::Pcp { .. } => (0, Owner::Free),
            FrameState::Allocated { head, .. } => {
                (self.map.count(self.map.index(head.0)), self.owner_of_allocated(head))
            }
            FrameState::Held | FrameState::Absent => (1, Owner::Static),
        };
        Some(Page {
            pfn,
            flags,
            count,
            mapcount: self.map.note(i, Note::MapCount),
            private: self.map.note(i, Note::Private),
            mapping: self.map.note(i, Note::Mapping),
            index: self.map.note(i, Note::Index),
            owner,
        })
    }

    fn owner_of_allocated(&self, head: Pfn) -> Owner {
        let i = self.map.index(head.0);
        let flags = PageFlags(self.map.flags(i));
        if flags.contains(PageFlags::SLAB) || flags.contains(PageFlags::VMALLOC) {
            Owner::Kernel
        } else if self.map.note(i, Note::MapCount) > 0 {
            Owner::User
        } else if self.map.note(i, Note::Mapping) != 0 {
            Owner::PageCache
        } else {
            Owner::Unnamed
        }
    }

    /// Returns the index of a frame that is the start of an allocated block.
    pub(crate) fn allocated(&self, pfn: Pfn) -> Result<u32, Misuse> {
        match self.frame(pfn) {
            FrameState::Allocated { head, .. } if head == pfn => Ok(self.map.index(pfn.0)),
            FrameState::Allocated { head, order, .. } => Err(Misuse::NotHead { pfn, head, order }),
            FrameState::Absent => Err(Misuse::NotAFrame(pfn)),
            _ => Err(Misuse::NotAllocated(pfn)),
        }
    }

    /// Returns the index of a frame that is the start of an allocated block, if the caller may change the block. Blocks
    /// of the slab layer and of `vmalloc` may only be changed through these.
    pub(crate) fn callers_own(&self, pfn: Pfn) -> Result<u32, Misuse> {
        let i = self.allocated(pfn)?;
        let flags = PageFlags(self.map.flags(i));
        if flags.contains(PageFlags::SLAB) {
            Err(Misuse::FromSlab(pfn))
        } else if flags.contains(PageFlags::VMALLOC) {
            Err(Misuse::FromVmalloc(pfn))
        } else {
            Ok(i)
        }
    }
}
