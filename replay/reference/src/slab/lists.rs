//! Slabs, and lists of them.

use alloc::{vec, vec::Vec};

use crate::{Order, Pfn, machine::PAGE_SIZE};

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
    /// Bytes from one object to the next, and 2^40 by them, rounded up.
    size: u32,
    reciprocal: u64,
    pub(super) objects: u32,
    pub(super) node: u8,
    pub(super) place: Place,
    /// What is written into objects is checked: nothing may be cut short.
    pub(super) guarded: bool,
    pub(super) in_use: u32,
    /// The free object to be used next, or [`END`].
    freelist: u16,
    /// By object: the free object after it, or [`END`]; [`USED`] for one in use. In the kernel the word lies in the
    /// free object itself.
    next_free: Vec<u16>,
    prev: u32,
    next: u32,
}

const NIL: u32 = u32::MAX;
/// The last free object's successor.
const END: u16 = u16::MAX;
/// Marks an object in use.
const USED: u16 = u16::MAX - 1;

impl Slab {
    /// A slab without used objects, to be used in address order.
    pub(super) fn new(cache: u32, size: u32, guarded: bool, pfn: Pfn, order: Order, base: u64, node: u8) -> Self {
        let objects = ((PAGE_SIZE << order.0) / u64::from(size)) as u32;
        let next_free = (1..objects as u16).chain([END]).collect();
        Self {
            cache,
            pfn,
            order,
            base,
            size,
            reciprocal: RECIPROCAL_ONE.div_ceil(u64::from(size)),
            objects,
            node,
            place: Place::Full,
            guarded,
            in_use: 0,
            freelist: 0,
            next_free,
            prev: NIL,
            next: NIL,
        }
    }

    /// Takes the next free object: its address.
    #[inline]
    pub(super) fn take(&mut self) -> Option<u64> {
        let object = self.freelist;
        let next = self.next_free.get_mut(usize::from(object))?;
        self.freelist = *next;
        *next = USED;
        self.in_use += 1;
        Some(self.base + u64::from(object) * u64::from(self.size))
    }

    /// Takes an object back, to be used next. Whether it was in use.
    #[inline]
    pub(super) fn put(&mut self, object: u16) -> bool {
        let next = &mut self.next_free[usize::from(object)];
        if *next != USED {
            return false;
        }
        *next = self.freelist;
        self.freelist = object;
        self.in_use -= 1;
        true
    }

    /// The number of the object that starts at an address.
    #[inline]
    pub(super) fn object_at(&self, address: u64) -> Option<u16> {
        let offset = address.wrapping_sub(self.base);
        if offset >= u64::from(self.objects) * u64::from(self.size) {
            return None;
        }
        // `reciprocal_divide`: offsets are below 2^22, so one multiplication is exact enough to be checked by the next
        // one.
        let object = (offset * self.reciprocal) >> RECIPROCAL_ONE.trailing_zeros();
        (object * u64::from(self.size) == offset).then_some(object as u16)
    }

    pub(super) fn is_used(&self, object: u16) -> bool {
        self.next_free[usize::from(object)] == USED
    }

    pub(super) fn is_full(&self) -> bool {
        self.in_use == self.objects
    }

    /// Free objects, the next one first.
    pub(super) fn free_objects(&self) -> impl Iterator<Item = u16> {
        let after = |object: &u16| self.next_free.get(usize::from(*object)).copied();
        // One more than there can be, so that a list that runs in a circle shows.
        core::iter::successors(Some(self.freelist), after)
            .take_while(|object| *object != END)
            .take(self.objects as usize + 1)
    }

    pub(super) fn used_objects(&self) -> u32 {
        self.next_free.iter().map(|next| u32::from(*next == USED)).sum()
    }

    pub(super) fn covers(&self, pfn: u64) -> bool {
        (self.pfn.0..self.pfn.0 + self.order.pages()).contains(&pfn)
    }
}

const RECIPROCAL_ONE: u64 = 1 << 40;

/// All slabs, by number. Numbers of discarded slabs are used again; 0 is no slab's, so that it can stand for none in a
/// page's notes.
pub(super) struct Slabs {
    slots: Vec<Option<Slab>>,
    unused: Vec<u32>,
}

impl Default for Slabs {
    fn default() -> Self {
        Self { slots: vec![None], unused: Vec::new() }
    }
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

    #[inline]
    pub(super) fn get(&self, i: u32) -> Option<&Slab> {
        self.slots.get(i as usize)?.as_ref()
    }

    #[inline]
    pub(super) fn get_mut(&mut self, i: u32) -> Option<&mut Slab> {
        self.slots.get_mut(i as usize)?.as_mut()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Slab)> {
        self.slots.iter().enumerate().filter_map(|(i, slab)| Some((i as u32, slab.as_ref()?)))
    }
}

impl core::ops::Index<u32> for Slabs {
    type Output = Slab;
    #[inline]
    fn index(&self, i: u32) -> &Slab {
        self.slots[i as usize].as_ref().expect("slab numbers are kept only while the slab lives")
    }
}

impl core::ops::IndexMut<u32> for Slabs {
    #[inline]
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
