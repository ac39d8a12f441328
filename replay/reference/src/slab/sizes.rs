//! The sizes of slabs: their order, their number of objects, and the number of slabs that are kept.

use alloc::vec::Vec;

use crate::{Generation, Order, machine::PAGE_SIZE};

/// `slub_max_order`: the largest order of a slab that holds several objects.
const SLUB_MAX_ORDER: u8 = 3;

/// The sizes of one cache and its slabs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SlabSizes {
    /// The bytes from one object to the next.
    pub size: u32,
    /// The order of a slab.
    pub order: u8,
    /// The number of objects in a slab.
    pub objects: u32,
    /// The number of partial slabs that a node keeps, empty or not (SLUB).
    pub min_partial: u32,
    /// The number of objects that a CPU's partial list should keep (SLUB).
    pub cpu_partial: u32,
    /// The limit `cpu_partial` in slabs instead of objects.
    pub cpu_partial_slabs: u32,
}

/// Returns the sizes of a cache with objects `size` bytes apart, on a machine with `cpus` CPUs.
pub fn slab_sizes(generation: Generation, size: u32, cpus: u16) -> SlabSizes {
    let order = match generation {
        Generation::Textbook => textbook_order(size),
        Generation::V6_1 => slub_order_6_1(size, cpus),
        Generation::V6_12 | Generation::V6_18 => slub_order(size, cpus),
    };
    let objects = ((PAGE_SIZE << order) / u64::from(size)) as u32;
    // `set_cpu_partial`: the larger the objects, the fewer of them a CPU keeps.
    let cpu_partial = match size {
        4096.. => 6,
        1024.. => 24,
        256.. => 52,
        _ => 120,
    };
    SlabSizes {
        size,
        order,
        objects,
        min_partial: (size.ilog2() / 2).clamp(5, 10),
        cpu_partial,
        cpu_partial_slabs: (2 * cpu_partial).div_ceil(objects.max(1)),
    }
}

/// Returns the number of objects that a slab should hold at least.
fn min_objects(size: u32, cpus: u16) -> u32 {
    let bits = u16::BITS - cpus.max(1).leading_zeros();
    let most = ((PAGE_SIZE << SLUB_MAX_ORDER) / u64::from(size)).max(1) as u32;
    (4 * (bits + 1)).min(most)
}

fn waste_fits(size: u32, order: u8, fraction: u64) -> bool {
    let slab = PAGE_SIZE << order;
    slab % u64::from(size) <= slab / fraction
}

/// `calculate_order`: returns the smallest order whose waste is at most a sixteenth; if there is none, at most an
/// eighth, a quarter or half.
fn slub_order(size: u32, cpus: u16) -> u8 {
    let least = Order::for_bytes(u64::from(min_objects(size, cpus)) * u64::from(size)).0;
    let fits = |fraction| (least..=SLUB_MAX_ORDER).find(|o| waste_fits(size, *o, fraction));
    [16, 8, 4, 2].into_iter().find_map(fits).unwrap_or_else(|| Order::for_bytes(u64::from(size)).0)
}

/// Returns the order of a slab before 6.7, when fewer objects were accepted rather than a waste of more than a quarter.
fn slub_order_6_1(size: u32, cpus: u16) -> u8 {
    let fits = |objects: u32, fraction| {
        let least = Order::for_bytes(u64::from(objects) * u64::from(size)).0;
        (least..=SLUB_MAX_ORDER).find(|o| waste_fits(size, *o, fraction))
    };
    let found =
        (2..=min_objects(size, cpus)).rev().find_map(|objects| [16, 8, 4].into_iter().find_map(|f| fits(objects, f)));
    found.or_else(|| fits(1, 1)).unwrap_or_else(|| Order::for_bytes(u64::from(size)).0)
}

/// `calculate_slab_order` of 2.6.34: returns the smallest order that wastes at most an eighth, but at most order 1 for
/// objects that fit into it.
fn textbook_order(size: u32) -> u8 {
    const BREAK_ORDER: u8 = 1;
    let holds = |o: &u8| PAGE_SIZE << o >= u64::from(size);
    let good = |o: &u8| *o >= BREAK_ORDER || waste_fits(size, *o, 8);
    (0..=crate::MAX_ORDER).filter(holds).find(good).unwrap_or(crate::MAX_ORDER)
}

/// Returns the object sizes of the `kmalloc` caches in bytes, smallest first.
pub fn kmalloc_classes(generation: Generation) -> Vec<u32> {
    let (smallest, largest) = if generation == Generation::Textbook { (32, 131_072) } else { (8, 8192) };
    let mut classes: Vec<u32> =
        core::iter::successors(Some(smallest), |s| Some(s * 2)).take_while(|s| *s <= largest).collect();
    classes.extend([96, 192]);
    classes.sort_unstable();
    classes
}

/// Returns the class that serves a request of `bytes` bytes, or `None` if the page allocator serves it.
pub fn kmalloc_class(generation: Generation, bytes: u64) -> Option<u32> {
    kmalloc_classes(generation).into_iter().find(|class| u64::from(*class) >= bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sizes were read on a 6.18 host with two CPUs.
    #[test]
    fn sizes_of_known_caches() {
        for (size, order, objects, min_partial, cpu_partial) in [
            (8, 0, 512, 5, 120),
            (192, 0, 21, 5, 120),
            (256, 0, 16, 5, 52),
            (1024, 2, 16, 5, 24),
            (2048, 3, 16, 5, 24),
            (8192, 3, 4, 6, 6),
        ] {
            let s = slab_sizes(Generation::V6_18, size, 2);
            assert_eq!(
                (s.order, s.objects, s.min_partial, s.cpu_partial),
                (order, objects, min_partial, cpu_partial),
                "{size}"
            );
        }
    }

    #[test]
    fn classes_are_the_smallest_that_fit() {
        for (bytes, class) in [(1, 8), (8, 8), (9, 16), (65, 96), (97, 128), (129, 192), (193, 256), (8192, 8192)] {
            assert_eq!(kmalloc_class(Generation::V6_18, bytes), Some(class), "{bytes}");
        }
        assert_eq!(kmalloc_class(Generation::V6_18, 8193), None);
        assert_eq!(kmalloc_class(Generation::Textbook, 1), Some(32));
    }

    #[test]
    fn much_waste_is_accepted_before_a_slab_with_a_single_object() {
        // Two objects of 12000 bytes waste more than a quarter of 32 KiB and less than half.
        assert_eq!(slab_sizes(Generation::V6_18, 12_000, 2).order, 3);
        assert_eq!(slab_sizes(Generation::V6_18, 20_000, 2).order, 3);
    }
}
