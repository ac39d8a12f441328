//! `struct page`: what is known about a frame, and who owns it.
//!
//! A page describes the frame, not the data in it: once data is swapped out or migrated, the same data has another
//! `struct page`.

mod flags;

pub use flags::PageFlags;

use crate::{
    Cpu, Migratetype, Misuse, Order, PageAllocator, Pfn, ZoneId,
    mem_map::{BlockState, Note, Tag},
};

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

impl PageAllocator {
    /// The zone a frame belongs to.
    pub fn zone_of(&self, pfn: Pfn) -> Option<ZoneId> {
        self.zones.iter().find(|z| z.spans(pfn.0)).map(|z| ZoneId(z.id))
    }

    /// The block that covers a frame: only a block's first frame carries a tag, so its possible starts are tried,
    /// smallest block first.
    pub(crate) fn block_of(&self, pfn: u64) -> Option<(u64, Tag)> {
        (0..=crate::ids::MAX_ORDER).find_map(|order| {
            let head = pfn >> order << order;
            let tag = self.map.tag(self.map.find(head)?);
            (!tag.is_none() && tag.order() >= order).then_some((head, tag))
        })
    }

    /// What the allocator knows about a frame.
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

    /// The frame's `struct page`; `None` outside every zone.
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

    /// Index of a frame that is the start of an allocated block.
    pub(crate) fn allocated(&self, pfn: Pfn) -> Result<u32, Misuse> {
        match self.frame(pfn) {
            FrameState::Allocated { head, .. } if head == pfn => Ok(self.map.index(pfn.0)),
            FrameState::Allocated { head, order, .. } => Err(Misuse::NotHead { pfn, head, order }),
            FrameState::Absent => Err(Misuse::NotAFrame(pfn)),
            _ => Err(Misuse::NotAllocated(pfn)),
        }
    }

    /// The same, if the block is its caller's to do with what he likes: the slab layer and `vmalloc` keep theirs to
    /// themselves.
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

    /// Sets the owner's fields of an allocated page: scratch word, mapping and index.
    ///
    /// # Errors
    /// When the frame is not the start of an allocated block (writing to a free page's fields is a use after free), or
    /// has an allocator of its own.
    pub fn set_page_owner(&mut self, pfn: Pfn, private: u32, mapping: u32, index: u32) -> Result<(), Misuse> {
        let i = self.callers_own(pfn)?;
        self.map.note_down(i, Note::Private, private);
        self.map.note_down(i, Note::Mapping, mapping);
        self.map.note_down(i, Note::Index, index);
        Ok(())
    }

    /// Sets how many page-table entries map an allocated page.
    ///
    /// # Errors
    /// When the frame is not the start of an allocated block, or has an allocator of its own.
    pub fn set_mapcount(&mut self, pfn: Pfn, mapcount: u32) -> Result<(), Misuse> {
        let i = self.callers_own(pfn)?;
        self.map.note_down(i, Note::MapCount, mapcount);
        Ok(())
    }

    /// Sets the flags of an allocated page. `BUDDY`, `SLAB` and `VMALLOC` follow the page's state and are ignored here.
    ///
    /// # Errors
    /// When the frame is not the start of an allocated block, or has an allocator of its own.
    pub fn set_page_flags(&mut self, pfn: Pfn, flags: PageFlags) -> Result<(), Misuse> {
        let i = self.callers_own(pfn)?;
        let derived = PageFlags::BUDDY.0 | PageFlags::SLAB.0 | PageFlags::VMALLOC.0;
        self.map.set_flags(i, self.map.flags(i) & derived | flags.0 & !derived);
        Ok(())
    }

    /// Marks an allocated page as the slab layer's, vmalloc's or a reclaim list's.
    pub(crate) fn set_owned(&mut self, i: u32, flag: PageFlags, owned: bool) {
        let flags = self.map.flags(i);
        self.map.set_flags(i, if owned { flags | flag.0 } else { flags & !flag.0 });
    }

    /// `get_page`: one more reference.
    ///
    /// # Errors
    /// When the frame is not the start of an allocated block, or has an allocator of its own.
    pub fn get_page(&mut self, pfn: Pfn) -> Result<u16, Misuse> {
        let i = self.callers_own(pfn)?;
        let count = self.map.count(i).saturating_add(1);
        self.map.set_count(i, count);
        Ok(count)
    }

    /// `put_page`: one reference less; the last one frees the block. Returns the references left.
    ///
    /// # Errors
    /// When the frame is not the start of an allocated block.
    pub fn put_page(&mut self, pfn: Pfn, cpu: Cpu) -> Result<u16, Misuse> {
        let i = self.allocated(pfn)?;
        let count = self.map.count(i);
        if count > 1 {
            self.map.set_count(i, count - 1);
            return Ok(count - 1);
        }
        self.free_pages(pfn, Order(self.map.tag(i).order()), cpu)?;
        Ok(0)
    }

    /// Names what is wrong with a free that [`PageAllocator::free_pages`] refused.
    #[cold]
    pub(crate) fn misuse_of_free(&self, pfn: Pfn, given: Order) -> Misuse {
        let seen_before = |head: Pfn| {
            let used = |p: Pfn| self.map.ever_allocated(self.map.index(p.0));
            if used(pfn) || used(head) { Misuse::DoubleFree(pfn) } else { Misuse::NeverAllocated(pfn) }
        };
        match self.frame(pfn) {
            FrameState::Absent => Misuse::NotAFrame(pfn),
            FrameState::Held => Misuse::NeverAllocated(pfn),
            FrameState::Free { head, .. } => seen_before(head),
            FrameState::Pcp { .. } => Misuse::DoubleFree(pfn),
            FrameState::Allocated { head, order, .. } if head != pfn => Misuse::NotHead { pfn, head, order },
            FrameState::Allocated { order, .. } => {
                let flags = PageFlags(self.map.flags(self.map.index(pfn.0)));
                if flags.contains(PageFlags::SLAB) {
                    Misuse::FromSlab(pfn)
                } else if flags.contains(PageFlags::VMALLOC) {
                    Misuse::FromVmalloc(pfn)
                } else if order != given {
                    Misuse::WrongOrder { pfn, allocated: order, given }
                } else {
                    Misuse::StillReferenced(pfn)
                }
            }
        }
    }

    /// Whether others than the one who frees it still use an allocated block: they hold references, or page tables lead
    /// to it.
    pub(crate) fn is_still_used(&self, i: u32) -> bool {
        self.map.count(i) > 1 || self.map.note(i, Note::MapCount) > 0
    }

    /// `split_page`: turns an allocated block into blocks of a lower order that are freed one by one.
    ///
    /// # Errors
    /// When the frame is not the start of an allocated block of at least this order, or has an allocator of its own.
    pub fn split_page(&mut self, pfn: Pfn, to: Order) -> Result<(), Misuse> {
        let i = self.callers_own(pfn)?;
        let tag = self.map.tag(i);
        if to.0 > tag.order() {
            return Err(Misuse::WrongOrder { pfn, allocated: Order(tag.order()), given: to });
        }
        self.map.drop_notes(i);
        let part = Tag::new(BlockState::Allocated, to.0, tag.migratetype(), tag.zone());
        for k in 0..1u32 << (tag.order() - to.0) {
            self.map.hand_out(i + (k << to.0), part);
        }
        Ok(())
    }
}
