//! The GFP tables of the known generations of kernels.

use crate::{Generation, GfpTable};

impl GfpTable {
    /// Returns the table of a generation of kernels: first the names that the kernel prints, in its order, then the
    /// names that its source has but that it does not print.
    pub fn of(generation: Generation) -> Self {
        let tables: &[&[_]] = match generation {
            Generation::Textbook => &[TEXTBOOK],
            Generation::V6_1 => &[COMPOSITES, V6_1, V6_1_AND_V6_12, NOT_PRINTED],
            Generation::V6_12 => &[COMPOSITES, V6_12, V6_1_AND_V6_12, NOT_PRINTED],
            Generation::V6_18 => &[COMPOSITES, V6_18],
        };
        tables.iter().copied().flatten().copied().collect()
    }
}

/// The names and masks of Linux 2.6.34 (`include/linux/gfp.h`), where `GFP_NOWAIT` is the empty mask. The book's
/// `GFP_USER` omits the `HARDWALL` bit that the source has. That kernel prints the flags without their underscores;
/// this table gives them the names of the source.
const TEXTBOOK: &[(&str, u32)] = &[
    ("GFP_HIGHUSER_MOVABLE", 0x200da),
    ("GFP_HIGHUSER", 0x200d2),
    ("GFP_USER", 0x200d0),
    ("GFP_TEMPORARY", 0x800d0),
    ("GFP_KERNEL", 0xd0),
    ("GFP_NOFS", 0x50),
    ("GFP_ATOMIC", 0x20),
    ("GFP_NOIO", 0x10),
    ("GFP_NOWAIT", 0),
    ("GFP_DMA", 0x1),
    ("GFP_DMA32", 0x4),
    ("__GFP_DMA", 0x1),
    ("__GFP_HIGHMEM", 0x2),
    ("__GFP_DMA32", 0x4),
    ("__GFP_MOVABLE", 0x8),
    ("__GFP_WAIT", 0x10),
    ("__GFP_HIGH", 0x20),
    ("__GFP_IO", 0x40),
    ("__GFP_FS", 0x80),
    ("__GFP_COLD", 0x100),
    ("__GFP_NOWARN", 0x200),
    ("__GFP_REPEAT", 0x400),
    ("__GFP_NOFAIL", 0x800),
    ("__GFP_NORETRY", 0x1000),
    ("__GFP_COMP", 0x4000),
    ("__GFP_ZERO", 0x8000),
    ("__GFP_NOMEMALLOC", 0x10000),
    ("__GFP_HARDWALL", 0x20000),
    ("__GFP_THISNODE", 0x40000),
    ("__GFP_RECLAIMABLE", 0x80000),
];

/// The composites that 6.1 to 6.18 print first (`__def_gfpflag_names`, `include/trace/events/mmflags.h`), without
/// `KASAN_HW_TAGS`.
const COMPOSITES: &[(&str, u32)] = &[
    ("GFP_TRANSHUGE", 0x1c_24ca),
    ("GFP_TRANSHUGE_LIGHT", 0x1c_20ca),
    ("GFP_HIGHUSER_MOVABLE", 0x10_0cca),
    ("GFP_HIGHUSER", 0x10_0cc2),
    ("GFP_USER", 0x10_0cc0),
    ("GFP_KERNEL_ACCOUNT", 0x40_0cc0),
    ("GFP_KERNEL", 0xcc0),
    ("GFP_NOFS", 0xc40),
];

/// The names that follow the composites in Linux 6.1, which has `__GFP_ATOMIC`, and a `GFP_NOWAIT` without `NOWARN`.
const V6_1: &[(&str, u32)] = &[
    ("GFP_ATOMIC", 0xa20),
    ("GFP_NOIO", 0xc00),
    ("GFP_NOWAIT", 0x800),
    ("GFP_DMA", 0x1),
    ("__GFP_HIGHMEM", 0x2),
    ("GFP_DMA32", 0x4),
    ("__GFP_HIGH", 0x20),
    ("__GFP_ATOMIC", 0x200),
];

/// The names that follow the composites in Linux 6.12, which has no `__GFP_ATOMIC` (since 6.3), and a `GFP_NOWAIT` with
/// `NOWARN` (since 6.8).
const V6_12: &[(&str, u32)] = &[
    ("GFP_ATOMIC", 0x820),
    ("GFP_NOIO", 0xc00),
    ("GFP_NOWAIT", 0x2800),
    ("GFP_DMA", 0x1),
    ("__GFP_HIGHMEM", 0x2),
    ("GFP_DMA32", 0x4),
    ("__GFP_HIGH", 0x20),
];

/// The flags in the order of 6.1 and 6.12. Bits from 24 up depend on the configuration; only the table of the traced
/// kernel can name them.
const V6_1_AND_V6_12: &[(&str, u32)] = &[
    ("__GFP_IO", 0x40),
    ("__GFP_FS", 0x80),
    ("__GFP_NOWARN", 0x2000),
    ("__GFP_RETRY_MAYFAIL", 0x4000),
    ("__GFP_NOFAIL", 0x8000),
    ("__GFP_NORETRY", 0x1_0000),
    ("__GFP_COMP", 0x4_0000),
    ("__GFP_ZERO", 0x100),
    ("__GFP_NOMEMALLOC", 0x8_0000),
    ("__GFP_MEMALLOC", 0x2_0000),
    ("__GFP_HARDWALL", 0x10_0000),
    ("__GFP_THISNODE", 0x20_0000),
    ("__GFP_RECLAIMABLE", 0x10),
    ("__GFP_MOVABLE", 0x8),
    ("__GFP_ACCOUNT", 0x40_0000),
    ("__GFP_WRITE", 0x1000),
    ("__GFP_RECLAIM", 0xc00),
    ("__GFP_DIRECT_RECLAIM", 0x400),
    ("__GFP_KSWAPD_RECLAIM", 0x800),
    ("__GFP_ZEROTAGS", 0x80_0000),
];

/// The flags that 6.1 and 6.12 print under another name, `GFP_DMA` and `GFP_DMA32`.
const NOT_PRINTED: &[(&str, u32)] = &[("__GFP_DMA", 0x1), ("__GFP_DMA32", 0x4)];

/// The names of Linux 6.18: the masks are those of 6.12, and the flags are in the order of their bits.
const V6_18: &[(&str, u32)] = &[
    ("GFP_ATOMIC", 0x820),
    ("GFP_NOIO", 0xc00),
    ("GFP_NOWAIT", 0x2800),
    ("GFP_DMA", 0x1),
    ("GFP_DMA32", 0x4),
    ("__GFP_RECLAIM", 0xc00),
    ("__GFP_DMA", 0x1),
    ("__GFP_HIGHMEM", 0x2),
    ("__GFP_DMA32", 0x4),
    ("__GFP_MOVABLE", 0x8),
    ("__GFP_RECLAIMABLE", 0x10),
    ("__GFP_HIGH", 0x20),
    ("__GFP_IO", 0x40),
    ("__GFP_FS", 0x80),
    ("__GFP_ZERO", 0x100),
    ("__GFP_DIRECT_RECLAIM", 0x400),
    ("__GFP_KSWAPD_RECLAIM", 0x800),
    ("__GFP_WRITE", 0x1000),
    ("__GFP_NOWARN", 0x2000),
    ("__GFP_RETRY_MAYFAIL", 0x4000),
    ("__GFP_NOFAIL", 0x8000),
    ("__GFP_NORETRY", 0x1_0000),
    ("__GFP_MEMALLOC", 0x2_0000),
    ("__GFP_COMP", 0x4_0000),
    ("__GFP_NOMEMALLOC", 0x8_0000),
    ("__GFP_HARDWALL", 0x10_0000),
    ("__GFP_THISNODE", 0x20_0000),
    ("__GFP_ACCOUNT", 0x40_0000),
    ("__GFP_ZEROTAGS", 0x80_0000),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_of_each_era() {
        for (generation, kernel, atomic, nowait) in [
            (Generation::Textbook, 0xd0, 0x20, 0),
            (Generation::V6_1, 0xcc0, 0xa20, 0x800),
            (Generation::V6_12, 0xcc0, 0x820, 0x2800),
            (Generation::V6_18, 0xcc0, 0x820, 0x2800),
        ] {
            let table = GfpTable::of(generation);
            assert_eq!(table.mask("GFP_KERNEL"), Some(kernel), "{generation:?}");
            assert_eq!(table.mask("GFP_ATOMIC"), Some(atomic), "{generation:?}");
            assert_eq!(table.mask("GFP_NOWAIT"), Some(nowait), "{generation:?}");
        }
    }

    #[test]
    fn old_masks_mean_what_new_ones_mean() {
        let old = GfpTable::of(Generation::Textbook);
        let new = GfpTable::of(Generation::V6_18);
        for name in ["GFP_KERNEL", "GFP_NOFS", "GFP_NOIO", "GFP_USER", "GFP_HIGHUSER_MOVABLE", "GFP_ATOMIC"] {
            let (a, b) = (old.mask(name).unwrap(), new.mask(name).unwrap());
            assert_eq!(old.flags(a), new.flags(b), "{name}");
        }
    }

    #[test]
    fn decode_prefers_composites_and_keeps_unknown_bits() {
        let table = GfpTable::of(Generation::V6_18);
        assert_eq!(table.decode(0x14_0cca), "GFP_HIGHUSER_MOVABLE|__GFP_COMP");
        assert_eq!(table.decode(0x100_0cc0), "GFP_KERNEL|0x1000000");
        assert_eq!(table.decode(0), "none");
        assert_eq!(table.encode(&table.decode(0x14_0cca)), Ok(0x14_0cca));
        assert_eq!(GfpTable::of(Generation::Textbook).decode(0), "GFP_NOWAIT", "as 2.6.34 prints it");
    }
}
