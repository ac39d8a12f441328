//! What is counted inside the kernel, where no event is stored: the contract between the counting eBPF programs and
//! `collector stat` and `top`.

use bytemuck::{AnyBitPattern, NoUninit};

use super::event::UNKNOWN_ZONE;

/// What is counted of events that are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, AnyBitPattern)]
#[repr(C)]
pub struct Tally {
    /// how many there were
    pub events: u64,
    /// how many of them were allocations that failed
    pub failures: u64,
    /// pages, or bytes of the objects, that were given out or came back; 0 for a kfree, for the kernel tells no size
    /// there
    pub amount: u64,
    /// bytes that were asked for, by allocations of objects
    pub requested: u64,
}

impl Tally {
    /// As the words of a map's value.
    pub const WORDS: usize = size_of::<Self>() / 8;

    /// Adds another tally.
    pub fn add(&mut self, other: Self) {
        self.events += other.events;
        self.failures += other.failures;
        self.amount += other.amount;
        self.requested += other.requested;
    }

    /// What was counted since an earlier look. Counters only grow.
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

/// Which events are alike: those of one program with the same values in the columns that were asked for. The other
/// columns are 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, AnyBitPattern)]
#[repr(C)]
pub struct TallyKey {
    /// the [`Program`](crate::Program) that counted
    pub program: u8,
    /// order of pages
    pub order: u8,
    /// index into the list of zone spans that the program was given; [`UNKNOWN_ZONE`] if the page lies in none
    pub zone: u8,
    /// migratetype that was asked for; 255 for a free
    pub migratetype: u8,
    /// GFP mask; 0 for a free
    pub gfp: u32,
    /// return address of the caller
    pub call_site: u64,
    /// address of the `kmem_cache`; for kmalloc the size of the objects
    pub cache: u64,
    /// name of the thread
    pub comm: [u8; 16],
}

impl TallyKey {
    /// As the words of a map's key.
    pub const WORDS: usize = size_of::<Self>() / 8;
}

/// The columns that a [`TallyKey`] can have, as bits of a set.
pub mod columns {
    /// order of pages
    pub const ORDER: u32 = 1;
    /// zone of pages
    pub const ZONE: u32 = 2;
    /// migratetype of pages
    pub const MIGRATETYPE: u32 = 4;
    /// GFP mask
    pub const GFP: u32 = 8;
    /// slab cache, or size class of kmalloc
    pub const CACHE: u32 = 16;
    /// caller of kmalloc and its like
    pub const CALL_SITE: u32 = 32;
    /// name of the thread
    pub const COMM: u32 = 64;
}

/// Where in an array the events of a program with these values are counted: for columns of few values, an index is
/// cheaper than a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, NoUninit)]
#[repr(C)]
pub struct Strides {
    /// added per order; 0 where orders are not told apart
    pub order: u32,
    /// added per migratetype
    pub migratetype: u32,
    /// added per program
    pub program: u32,
    /// added per zone
    pub zone: u32,
}

/// Orders that are told apart; the kernel has 11.
pub const ORDERS: u32 = 16;
/// Migratetypes that are told apart; the kernel has at most 6 and the last here stands for none.
pub const MIGRATETYPES: u32 = 8;
/// Zone spans that a program can be given.
pub const ZONE_SPANS: usize = 64;

impl Strides {
    /// For these [`columns`], and so many programs and zones (of which the last stands for none): the strides, and how
    /// many elements the array needs. `None` if a column has too many values for an array.
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

    /// The key of an element.
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

/// How the counting programs shall count: in one cache line, for that is what each event has to fetch of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, NoUninit)]
#[repr(C, align(32))]
pub struct TallyPlan {
    /// what is told apart: a set of [`columns`]
    pub columns: u32,
    /// not 0: counts are in the map by key, for an index cannot tell the columns apart
    pub keyed: u32,
    /// where in the array
    pub strides: Strides,
    /// how many zone spans the programs were given
    pub zone_spans: u32,
    /// makes 32 bytes
    pub reserved: u32,
}

impl TallyPlan {
    /// Nothing is told apart but the programs.
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

    /// Every combination of values has a place of its own, and the place tells the combination.
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
