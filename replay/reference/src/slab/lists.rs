//! Slabs, and lists of them.

use alloc::{vec, vec::Vec};

use crate::{Order, Pfn};

/// Where a slab is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// It is the one a CPU allocates from.
    Cpu,
    /// On a CPU's partial list (SLUB).
    CpuPartial(u16),
    /// On the node's list of slabs with free objects; the textbook's `slabs_partial`.
    Partial,
    /// Without free objects; on no list in SLUB.
    Full,
    /// Without used objects: the textbook's `slabs_free`.
    Empty,
}

/// One slab: a block of pages cut into objects.
#[derive(Debug)]
pub(super) struct Slab {
    pub(super) cache: u32,
    pub(super) pfn: Pfn,
    pub(super) order: Order,
    /// Physical address of the first object.
    pub(super) base: u64,
    pub(super) objects: u32,
    pub(super) node: u8,
    pub(super) place: Place,
    /// Free objects; the last is used next.
    pub(super) free: Vec<u16>,
    used: Vec<u64>,
    prev: u32,
    next: u32,
}

const NIL: u32 = u32::MAX;

impl Slab {
    pub(super) fn new(cache: u32, pfn: Pfn, order: Order, base: u64, objects: u32, node: u8) -> Self {
        let free = (0..objects as u16).rev().collect();
        let used = vec![0; objects.div_ceil(64) as usize];
        Self { cache, pfn, order, base, objects, node, place: Place::Full, free, used, prev: NIL, next: NIL }
    }

    pub(super) fn is_used(&self, object: u16) -> bool {
        self.used[usize::from(object) / 64] >> (object % 64) & 1 != 0
    }

    pub(super) fn mark(&mut self, object: u16, used: bool) {
        let word = &mut self.used[usize::from(object) / 64];
        let bit = 1 << (object % 64);
        if used {
            *word |= bit;
        } else {
            *word &= !bit;
        }
    }

    pub(super) fn in_use(&self) -> u32 {
        self.objects - self.free.len() as u32
    }

    pub(super) fn used_bits(&self) -> u32 {
        self.used.iter().map(|w| w.count_ones()).sum()
    }

    pub(super) fn covers(&self, pfn: u64) -> bool {
        (self.pfn.0..self.pfn.0 + self.order.pages()).contains(&pfn)
    }
}

/// All slabs, by number. Numbers of discarded slabs are used again.
#[derive(Default)]
pub(super) struct Slabs {
    slots: Vec<Option<Slab>>,
    unused: Vec<u32>,
}

impl Slabs {
    pub(super) fn insert(&mut self, slab: Slab) -> u32 {
        if let Some(i) = self.unused.pop() {
            self.slots[i as usize] = Some(slab);
            return i;
        }
        self.slots.push(Some(slab));
        self.slots.len() as u32 - 1
    }

    pub(super) fn remove(&mut self, i: u32) -> Slab {
        self.unused.push(i);
        self.slots[i as usize].take().expect("a slab is discarded once")
    }

    pub(super) fn get(&self, i: u32) -> Option<&Slab> {
        self.slots.get(i as usize)?.as_ref()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Slab)> {
        self.slots.iter().enumerate().filter_map(|(i, slab)| Some((i as u32, slab.as_ref()?)))
    }
}

impl core::ops::Index<u32> for Slabs {
    type Output = Slab;
    fn index(&self, i: u32) -> &Slab {
        self.slots[i as usize].as_ref().expect("slab numbers are kept only while the slab lives")
    }
}

impl core::ops::IndexMut<u32> for Slabs {
    fn index_mut(&mut self, i: u32) -> &mut Slab {
        self.slots[i as usize].as_mut().expect("slab numbers are kept only while the slab lives")
    }
}

/// A list of slabs, linked through them.
#[derive(Clone, Copy, Debug)]
pub(super) struct SlabList {
    head: u32,
    tail: u32,
    len: u32,
}

impl Default for SlabList {
    fn default() -> Self {
        Self { head: NIL, tail: NIL, len: 0 }
    }
}

impl SlabList {
    pub(super) fn len(&self) -> u32 {
        self.len
    }

    pub(super) fn first(&self) -> Option<u32> {
        (self.len > 0).then_some(self.head)
    }

    pub(super) fn push_head(&mut self, slabs: &mut Slabs, i: u32) {
        (slabs[i].prev, slabs[i].next) = (NIL, self.head);
        if self.head == NIL {
            self.tail = i;
        } else {
            slabs[self.head].prev = i;
        }
        self.head = i;
        self.len += 1;
    }

    pub(super) fn push_tail(&mut self, slabs: &mut Slabs, i: u32) {
        (slabs[i].prev, slabs[i].next) = (self.tail, NIL);
        if self.tail == NIL {
            self.head = i;
        } else {
            slabs[self.tail].next = i;
        }
        self.tail = i;
        self.len += 1;
    }

    pub(super) fn remove(&mut self, slabs: &mut Slabs, i: u32) {
        let (prev, next) = (slabs[i].prev, slabs[i].next);
        if prev == NIL {
            self.head = next;
        } else {
            slabs[prev].next = next;
        }
        if next == NIL {
            self.tail = prev;
        } else {
            slabs[next].prev = prev;
        }
        self.len -= 1;
    }

    pub(super) fn pop(&mut self, slabs: &mut Slabs) -> Option<u32> {
        let i = self.first()?;
        self.remove(slabs, i);
        Some(i)
    }

    pub(super) fn iter<'a>(&self, slabs: &'a Slabs) -> impl Iterator<Item = u32> + 'a {
        let mut at = self.head;
        core::iter::from_fn(move || {
            let i = (at != NIL).then_some(at)?;
            at = slabs[i].next;
            Some(i)
        })
    }
}
