//! The counts that the counting eBPF programs keep in place of records of events: the keys and values of the programs'
//! maps, and the plan for counting, which `collector stat` and `collector top` set.

use bytemuck::{AnyBitPattern, NoUninit};

use super::event::UNKNOWN_ZONE;

/// The counts of events that have the same key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, AnyBitPattern)]
#[repr(C)]
pub struct Tally {
    /// The number of events, including failed allocations.
    pub events: u64,
    /// The number of allocations that failed.
    pub failures: u64,
    /// The number of pages, or of bytes of objects, that were given out or came back; 0 for a free of an object,
    /// because the kernel does not report its size.
    pub amount: u64,
    /// The number of bytes that allocations of objects asked for; 0 for pages and frees.
    pub requested: u64,
}

impl Tally {
    /// The size of a tally as a map's value, in words of 8 bytes.
    pub const WORDS: usize = size_of::<Self>() / 8;

    /// Adds the counts of another CPU, or of another key.
    pub fn add(&mut self, other: Self) {
        self.events += other.events;
        self.failures += other.failures;
        self.amount += other.amount;
        self.requested += other.requested;
    }

    /// Returns the difference from an earlier state of the same counters, which only grow.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            events: self.events.saturating_sub(earlier.events),
            failures: self.failures.saturating_sub(earlier.failures),
            amount: self.amount.saturating_sub(earlier.amount),
            requested: self.requested.saturating_sub(earlier.requested),
        }
    }
}

/// The key by which events are counted separately: the program, and the columns that were asked for. Columns that were
/// not asked for are 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, AnyBitPattern)]
#[repr(C)]
pub struct TallyKey {
    /// The number of the [`Program`](crate::Program) that counted.
    pub program: u8,
    /// The order of the block: log2 of its number of pages.
    pub order: u8,
    /// An index into the list of zone spans that the program was given; [`UNKNOWN_ZONE`] if the page lies in none of
    /// them.
    pub zone: u8,
    /// The kernel's number of the migratetype that was asked for; 255 for a free.
    pub migratetype: u8,
    /// The GFP mask as the kernel reports it; 0 for a free.
    pub gfp: u32,
    /// The kernel address to which the call for an object returns.
    pub call_site: u64,
    /// The address of the `kmem_cache`; for kmalloc, the bytes of the object; 0 for kfree.
    pub cache: u64,
    /// The name of the thread, which ends at the first 0 byte.
    pub comm: [u8; 16],
}

impl TallyKey {
    /// The size of a key as a map's key, in words of 8 bytes.
    pub const WORDS: usize = size_of::<Self>() / 8;
}

/// The columns of a [`TallyKey`], as bits of a set.
pub mod columns {
    /// The order of pages.
    pub const ORDER: u32 = 1;
    /// The zone of pages.
    pub const ZONE: u32 = 2;
    /// The migratetype of pages.
    pub const MIGRATETYPE: u32 = 4;
    /// The GFP mask.
    pub const GFP: u32 = 8;
    /// The slab cache, or the size class of kmalloc.
    pub const CACHE: u32 = 16;
    /// The caller, for objects.
    pub const CALL_SITE: u32 = 32;
    /// The name of the thread.
    pub const COMM: u32 = 64;
}

/// The rule by which a key has an index in an array: the sum of value times stride over the columns. Where all columns
/// have few values, an index is cheaper than a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, NoUninit)]
#[repr(C)]
pub struct Strides {
    /// The number of elements from one order to the next; 0 where orders are not told apart.
    pub order: u32,
    /// The number of elements from one migratetype to the next; 0 where migratetypes are not told apart.
    pub migratetype: u32,
    /// The number of elements from one program to the next.
    pub program: u32,
    /// The number of elements from one zone to the next; 0 where zones are not told apart.
    pub zone: u32,
}

/// The number of orders that an index tells apart. The kernel has 11 (`MAX_PAGE_ORDER` in include/linux/mmzone.h is 10
/// by default).
pub const ORDERS: u32 = 16;
/// The number of migratetypes that an index tells apart. The kernel has at most 6 (`enum migratetype` in
/// include/linux/mmzone.h); the last one here stands for an event without a migratetype.
pub const MIGRATETYPES: u32 = 8;
/// The greatest number of zone spans that a program can be given.
pub const ZONE_SPANS: usize = 64;

impl Strides {
    /// Returns the strides for the set `by` of [`columns`], and the number of elements that the array needs, for
    /// `programs` programs and `zones` zones (the last zone stands for none). Returns `None` if one of the columns has
    /// too many values for an array.
    pub fn new(by: u32, programs: u32, zones: u32) -> Option<(Self, u32)> {
        use columns::{MIGRATETYPE, ORDER, ZONE};
        if by & !(ORDER | MIGRATETYPE | ZONE) != 0 {
            return None;
        }
        let mut size = 1;
        let mut stride = |column, values| {
            let stride = if column == 0 || by & column != 0 { size } else { 0 };
            size *= if stride == 0 { 1 } else { values };
            stride
        };
        let (order, migratetype) = (stride(ORDER, ORDERS), stride(MIGRATETYPE, MIGRATETYPES));
        let (program, zone) = (stride(0, programs), stride(ZONE, zones));
        Some((Self { order, migratetype, program, zone }, size))
    }

    /// Returns the key whose index is `index`; `programs` and `zones` are the numbers with which the strides were made.
    pub fn key(self, index: u32, programs: u32, zones: u32) -> TallyKey {
        let digit = |stride: u32, values: u32| index.checked_div(stride).map_or(0, |quotient| quotient % values) as u8;
        let (zone, migratetype) = (digit(self.zone, zones), digit(self.migratetype, MIGRATETYPES));
        TallyKey {
            program: digit(self.program, programs),
            order: digit(self.order, ORDERS),
            zone: if self.zone != 0 && u32::from(zone) == zones - 1 { UNKNOWN_ZONE } else { zone },
            migratetype: if u32::from(migratetype) == MIGRATETYPES - 1 { u8::MAX } else { migratetype },
            gfp: 0,
            call_site: 0,
            cache: 0,
            comm: [0; 16],
        }
    }
}

/// The plan that tells the counting programs how to count. The plan lies in one cache line, because the program fetches
/// it at each event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, NoUninit)]
#[repr(C, align(32))]
pub struct TallyPlan {
    /// The columns that are told apart: a set of [`columns`].
    pub columns: u32,
    /// Whether the counts are in the hash map, by key. If 0, they are in the array, at the index that the strides give.
    pub keyed: u32,
    /// The strides that give the index in the array.
    pub strides: Strides,
    /// The number of zone spans that the programs were given.
    pub zone_spans: u32,
    /// Padding that fills the plan up to 32 bytes.
    pub reserved: u32,
}

impl TallyPlan {
    /// The plan that counts by program only.
    pub const TOTALS: Self = Self {
        columns: 0,
        keyed: 0,
        strides: Strides { order: 0, migratetype: 0, program: 1, zone: 0 },
        zone_spans: 0,
        reserved: 0,
    };
}

#[cfg(test)]
mod tests {
    use super::{columns::*, *};

    /// Each combination of values has an index of its own, and the index tells the combination.
    #[test]
    fn an_index_is_as_good_as_a_key() {
        const PROGRAMS: u32 = 4;
        const ZONES: u32 = 3;
        for by in 0..8 {
            let (strides, size) = Strides::new(by, PROGRAMS, ZONES).unwrap();
            let mut taken = vec![false; size as usize];
            for program in 0..PROGRAMS {
                for order in 0..if by & ORDER != 0 { ORDERS } else { 1 } {
                    for migratetype in 0..if by & MIGRATETYPE != 0 { MIGRATETYPES } else { 1 } {
                        for zone in 0..if by & ZONE != 0 { ZONES } else { 1 } {
                            let index = program * strides.program
                                + order * strides.order
                                + migratetype * strides.migratetype
                                + zone * strides.zone;
                            assert!(!std::mem::replace(&mut taken[index as usize], true), "{by}: {index} twice");
                            let key = strides.key(index, PROGRAMS, ZONES);
                            assert_eq!((u32::from(key.program), u32::from(key.order)), (program, order));
                            let last = |value: u32, values: u32| if value == values - 1 { 255 } else { value };
                            assert_eq!(u32::from(key.zone), if by & ZONE != 0 { last(zone, ZONES) } else { 0 });
                            assert_eq!(u32::from(key.migratetype), last(migratetype, MIGRATETYPES));
                        }
                    }
                }
            }
            assert!(taken.into_iter().all(|taken| taken), "{by}: no element is wasted");
        }
        assert_eq!(Strides::new(ORDER | GFP, PROGRAMS, ZONES), None);
    }
}
