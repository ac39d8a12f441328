//! Slabs, and lists of them.

use alloc::{vec, vec::Vec};

use crate::{Order, Pfn, machine::PAGE_SIZE};

/// The place of a slab.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// The slab is the one that a CPU allocates from.
    Cpu,
    /// The slab is on the partial list of this CPU (SLUB).
    CpuPartial(u16),
    /// The slab is on its node's list of slabs with free objects: the textbook's `slabs_partial`.
    Partial,
    /// The slab has no free objects. In SLUB it is on no list.
    Full,
    /// The slab has no used objects: the textbook's `slabs_free`.
    Empty,
}

/// One slab: a block of pages divided into objects.
#[derive(Debug)]
pub(super) struct Slab {
    pub(super) cache: u32,
    pub(super) pfn: Pfn,
    pub(super) order: Order,
    /// The physical address of the first object.
    pub(super) base: u64,
    /// The bytes from one object to the next.
    size: u32,
    /// 2^40 divided by `size`, rounded up.
    reciprocal: u64,
    pub(super) objects: u32,
    pub(super) node: u8,
    pub(super) place: Place,
    /// Whether the objects have debug patterns that must be checked, so that the short paths may not be taken.
    pub(super) guarded: bool,
    pub(super) in_use: u32,
    /// The free object to be used next, or [`END`].
    freelist: u16,
    /// For each object, the free object after it, or [`END`] for the last; [`USED`] for an object in use. In the kernel
    /// this word is in the free object itself.
    next_free: Vec<u16>,
    prev: u32,
    next: u32,
}

const NIL: u32 = u32::MAX;
/// The successor of the last free object.
const END: u16 = u16::MAX;
/// The mark of an object in use.
const USED: u16 = u16::MAX - 1;

impl Slab {
    /// Creates a slab without used objects, which are then used in address order.
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

    /// Takes the next free object and returns its physical address.
    #[inline]
    pub(super) fn take(&mut self) -> Option<u64> {
        let object = self.freelist;
        let next = self.next_free.get_mut(usize::from(object))?;
        self.freelist = *next;
        *next = USED;
        self.in_use += 1;
        Some(self.base + u64::from(object) * u64::from(self.size))
    }

    /// Puts an object back, to be used next. Returns whether the object was in use.
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

    /// Returns the number of the object that starts at a physical address, or `None` if no object starts there.
    #[inline]
    pub(super) fn object_at(&self, address: u64) -> Option<u16> {
        let offset = address.wrapping_sub(self.base);
        if offset >= u64::from(self.objects) * u64::from(self.size) {
            return None;
        }
        // `reciprocal_divide`: offsets are below 2^22, so the quotient from this multiplication is right for every
        // object's start, and the next multiplication rejects other offsets.
        let object = (offset * self.reciprocal) >> RECIPROCAL_ONE.trailing_zeros();
        (object * u64::from(self.size) == offset).then_some(object as u16)
    }

    pub(super) fn is_used(&self, object: u16) -> bool {
        self.next_free[usize::from(object)] == USED
    }

    pub(super) fn is_full(&self) -> bool {
        self.in_use == self.objects
    }

    /// Iterates over the free objects, the next one first.
    pub(super) fn free_objects(&self) -> impl Iterator<Item = u16> {
        let after = |object: &u16| self.next_free.get(usize::from(*object)).copied();
        // The limit is one more than there can be, so that a circular list is noticed.
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

/// All slabs, by number. The numbers of discarded slabs are used again. No slab has the number 0, which means "no slab"
/// in a page's notes.
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

/// A list of slabs, linked through the slabs.
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
