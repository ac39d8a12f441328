//! Doubly linked lists of frames whose links live in the frames' own metadata, as `page->lru` does in the kernel.

use crate::mem_map::MemMap;

/// No frame.
pub(crate) const NIL: u32 = u32::MAX;

/// One list: head, tail and length. Members are frame indices into the [`MemMap`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct List {
    head: u32,
    tail: u32,
    len: u32,
}

impl List {
    pub(crate) const EMPTY: Self = Self { head: NIL, tail: NIL, len: 0 };

    #[inline]
    pub(crate) const fn len(&self) -> u32 {
        self.len
    }

    #[inline]
    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[inline]
    pub(crate) const fn first(&self) -> Option<u32> {
        if self.len == 0 { None } else { Some(self.head) }
    }

    #[inline]
    pub(crate) fn push_head(&mut self, map: &mut MemMap, i: u32) {
        map.set_links(i, NIL, self.head);
        if self.head == NIL {
            self.tail = i;
        } else {
            map.set_prev(self.head, i);
        }
        self.head = i;
        self.len += 1;
    }

    #[inline]
    pub(crate) fn push_tail(&mut self, map: &mut MemMap, i: u32) {
        map.set_links(i, self.tail, NIL);
        if self.tail == NIL {
            self.head = i;
        } else {
            map.set_next(self.tail, i);
        }
        self.tail = i;
        self.len += 1;
    }

    #[inline]
    pub(crate) fn remove(&mut self, map: &mut MemMap, i: u32) {
        let (prev, next) = map.links(i);
        if prev == NIL {
            self.head = next;
        } else {
            map.set_next(prev, next);
        }
        if next == NIL {
            self.tail = prev;
        } else {
            map.set_prev(next, prev);
        }
        self.len -= 1;
    }

    #[inline]
    pub(crate) fn pop_head(&mut self, map: &mut MemMap) -> Option<u32> {
        let i = self.first()?;
        let (_, next) = map.links(i);
        self.head = next;
        if next == NIL {
            self.tail = NIL;
        } else {
            map.set_prev(next, NIL);
        }
        self.len -= 1;
        Some(i)
    }

    /// Members from head to tail.
    pub(crate) fn iter<'a>(&self, map: &'a MemMap) -> impl Iterator<Item = u32> + 'a {
        let mut at = self.head;
        core::iter::from_fn(move || {
            if at == NIL {
                return None;
            }
            let i = at;
            at = map.links(i).1;
            Some(i)
        })
    }
}
