//! Operations of the owner of an allocated block on its `struct page`: fields, flags, references, division.

use super::allocator::PageAllocator;
use crate::{
    Cpu, Misuse, Order, PageFlags, Pfn,
    page::{
        mem_map::Note,
        tag::{BlockState, Tag},
    },
};

impl PageAllocator {
    /// Sets the owner's fields of an allocated page: private word, mapping and index.
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

    /// Sets the number of page-table entries that map an allocated page.
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
        let derived = PageFlags::BUDDY.bits() | PageFlags::SLAB.bits() | PageFlags::VMALLOC.bits();
        self.map.set_flags(i, self.map.flags(i) & derived | flags.bits() & !derived);
        Ok(())
    }

    /// Sets or clears the flag that marks an allocated page as one of the slab layer, of `vmalloc` or of a reclaim
    /// list.
    pub(crate) fn set_owned(&mut self, i: u32, flag: PageFlags, owned: bool) {
        let flags = self.map.flags(i);
        self.map.set_flags(i, if owned { flags | flag.bits() } else { flags & !flag.bits() });
    }

    /// `get_page`: adds one reference and returns the number of references.
    ///
    /// # Errors
    /// When the frame is not the start of an allocated block, or has an allocator of its own.
    pub fn get_page(&mut self, pfn: Pfn) -> Result<u16, Misuse> {
        let i = self.callers_own(pfn)?;
        let count = self.map.count(i).saturating_add(1);
        self.map.set_count(i, count);
        Ok(count)
    }

    /// `put_page`: drops one reference, and frees the block with the last one. Returns the number of references left.
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

    /// Returns whether an allocated block is still used after its owner frees it: others hold references, or page
    /// tables lead to it.
    pub(crate) fn is_still_used(&self, i: u32) -> bool {
        self.map.count(i) > 1 || self.map.note(i, Note::MapCount) > 0
    }

    /// `split_page`: turns an allocated block into blocks of a lower order, which are freed one by one.
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
