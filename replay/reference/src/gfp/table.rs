//! Name → mask tables, one per kernel.

use alloc::{borrow::ToOwned, string::String, vec::Vec};
use core::fmt::Write;

use super::{Flags, Gfp};
use crate::Profile;

/// The names a kernel gives to GFP bits and their composites, in the order in which its own decoder tries them
/// (composites first).
#[derive(Clone, Debug)]
pub struct GfpTable {
    names: Vec<(String, u32)>,
    /// `(mask in this kernel, meaning)`; empty when every known bit has its current number.
    translation: Vec<(u32, Flags)>,
    /// Added to every mask: before 4.4 no bit said "wake kswapd", every request did.
    implied: Flags,
}

impl GfpTable {
    /// The table of a kernel generation.
    pub fn of(profile: Profile) -> Self {
        let (names, differs): (&[_], &[_]) = match profile {
            Profile::Textbook => (TEXTBOOK, &[]),
            Profile::V6_1 => (CURRENT, V6_1_DIFFERS),
            Profile::V6_12 | Profile::V6_18 => (CURRENT, &[]),
        };
        let same = names.iter().filter(|(name, _)| differs.iter().all(|(other, _)| name != other));
        Self::from_pairs(same.chain(differs).copied())
    }

    /// A table from outside, such as the one a trace carries. Pairs may come in any order; names the allocator does not
    /// know are kept for decoding only.
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, u32)>) -> Self {
        let mut names: Vec<(String, u32)> = pairs.into_iter().map(|(n, m)| (n.to_owned(), m)).collect();
        // A stable sort keeps the kernel's order among names of as many bits.
        names.sort_by_key(|(_, mask)| core::cmp::Reverse(mask.count_ones()));
        let mut translation: Vec<(u32, Flags)> =
            names.iter().filter_map(|(n, m)| Some((*m, Flags::from_name(n)?))).filter(|(m, _)| *m != 0).collect();
        if translation.iter().all(|(mask, flags)| *mask == flags.0) {
            translation.clear();
        }
        let old = names.iter().any(|(n, _)| n == "__GFP_WAIT");
        Self { names, translation, implied: if old { Flags::KSWAPD_RECLAIM } else { Flags(0) } }
    }

    /// What the mask means.
    #[inline]
    pub fn flags(&self, gfp: Gfp) -> Flags {
        if self.translation.is_empty() { Flags(gfp.0) } else { self.translate(gfp) }
    }

    fn translate(&self, gfp: Gfp) -> Flags {
        let known = self.translation.iter().filter(|(mask, _)| gfp.0 & mask == *mask);
        known.fold(self.implied, |sum, (_, flags)| sum | *flags)
    }

    /// Whether every known bit has its current number.
    pub(crate) fn is_current(&self) -> bool {
        self.translation.is_empty()
    }

    /// What every mask of this kernel means without saying so.
    pub(super) fn implied(&self) -> Flags {
        self.implied
    }

    /// The mask of a name such as `GFP_KERNEL` or `__GFP_COMP`; also of several joined by `|`, and of hexadecimal
    /// numbers.
    pub fn mask(&self, text: &str) -> Option<Gfp> {
        let mut mask = 0;
        for part in text.split('|').map(str::trim) {
            mask |= match part.strip_prefix("0x") {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None if part == "none" => 0,
                None => self.names.iter().find(|(n, _)| n == part)?.1,
            };
        }
        Some(Gfp(mask))
    }

    /// The mask in names joined by `|`: the longest names first, left-over bits in hexadecimal, `none` for an empty
    /// mask. This is what the kernel's `%pGg` prints.
    pub fn decode(&self, gfp: Gfp) -> String {
        let mut rest = gfp.0;
        let mut text = String::new();
        for (name, mask) in &self.names {
            if *mask != 0 && rest & mask == *mask {
                push_part(&mut text, name);
                rest &= !mask;
            }
        }
        if rest != 0 {
            if !text.is_empty() {
                text.push('|');
            }
            // Writing to a String cannot fail.
            let _ = write!(text, "{rest:#x}");
        }
        if text.is_empty() {
            let zero = self.names.iter().find(|(_, mask)| *mask == 0);
            text.push_str(zero.map_or("none", |(name, _)| name));
        }
        text
    }

    /// Single-bit and composite names with their masks, longest composites first.
    pub fn names(&self) -> impl Iterator<Item = (&str, Gfp)> {
        self.names.iter().map(|(n, m)| (n.as_str(), Gfp(*m)))
    }
}

fn push_part(text: &mut String, part: &str) {
    if !text.is_empty() {
        text.push('|');
    }
    text.push_str(part);
}

/// Linux 2.6.34, `include/linux/gfp.h`. `GFP_NOWAIT` is the empty mask there; the book's `GFP_USER` omits the
/// `HARDWALL` the source has.
const TEXTBOOK: &[(&str, u32)] = &[
    ("GFP_HIGHUSER_MOVABLE", 0x200da),
    ("GFP_HIGHUSER", 0x200d2),
    ("GFP_USER", 0x200d0),
    ("GFP_TEMPORARY", 0x800d0),
    ("GFP_KERNEL", 0xd0),
    ("GFP_NOFS", 0x50),
    ("GFP_NOIO", 0x10),
    ("GFP_ATOMIC", 0x20),
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

/// Linux 6.8 and later: no `__GFP_ATOMIC`, and `GFP_NOWAIT` carries `NOWARN`. Bits from 24 up depend on the
/// configuration and are left to the table of the traced kernel.
const CURRENT: &[(&str, u32)] = &[
    ("GFP_TRANSHUGE", 0x1c_24ca),
    ("GFP_TRANSHUGE_LIGHT", 0x1c_20ca),
    ("GFP_HIGHUSER_MOVABLE", 0x10_0cca),
    ("GFP_HIGHUSER", 0x10_0cc2),
    ("GFP_USER", 0x10_0cc0),
    ("GFP_KERNEL_ACCOUNT", 0x40_0cc0),
    ("GFP_KERNEL", 0xcc0),
    ("GFP_NOFS", 0xc40),
    ("GFP_ATOMIC", 0x820),
    ("GFP_NOIO", 0xc00),
    ("GFP_NOWAIT", 0x2800),
    ("GFP_DMA", 0x1),
    ("GFP_DMA32", 0x4),
    ("__GFP_DMA", 0x1),
    ("__GFP_HIGHMEM", 0x2),
    ("__GFP_DMA32", 0x4),
    ("__GFP_MOVABLE", 0x8),
    ("__GFP_RECLAIMABLE", 0x10),
    ("__GFP_HIGH", 0x20),
    ("__GFP_IO", 0x40),
    ("__GFP_FS", 0x80),
    ("__GFP_ZERO", 0x100),
    ("__GFP_RECLAIM", 0xc00),
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

/// Where 6.1 differs from it (x86-64 without `KASAN_HW_TAGS`): `__GFP_ATOMIC` is there, and `GFP_NOWAIT` may warn.
const V6_1_DIFFERS: &[(&str, u32)] = &[("GFP_ATOMIC", 0xa20), ("GFP_NOWAIT", 0x800), ("__GFP_ATOMIC", 0x200)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_of_each_era() {
        for (profile, kernel, atomic, nowait) in [
            (Profile::Textbook, 0xd0, 0x20, 0),
            (Profile::V6_1, 0xcc0, 0xa20, 0x800),
            (Profile::V6_12, 0xcc0, 0x820, 0x2800),
            (Profile::V6_18, 0xcc0, 0x820, 0x2800),
        ] {
            let table = GfpTable::of(profile);
            assert_eq!(table.mask("GFP_KERNEL"), Some(Gfp(kernel)), "{profile:?}");
            assert_eq!(table.mask("GFP_ATOMIC"), Some(Gfp(atomic)), "{profile:?}");
            assert_eq!(table.mask("GFP_NOWAIT"), Some(Gfp(nowait)), "{profile:?}");
        }
    }

    #[test]
    fn old_masks_mean_what_new_ones_mean() {
        let old = GfpTable::of(Profile::Textbook);
        let new = GfpTable::of(Profile::V6_18);
        for name in ["GFP_KERNEL", "GFP_NOFS", "GFP_NOIO", "GFP_USER", "GFP_HIGHUSER_MOVABLE", "GFP_ATOMIC"] {
            let (a, b) = (old.mask(name).unwrap(), new.mask(name).unwrap());
            assert_eq!(old.flags(a), new.flags(b), "{name}");
        }
    }

    #[test]
    fn decode_prefers_composites_and_keeps_unknown_bits() {
        let table = GfpTable::of(Profile::V6_18);
        assert_eq!(table.decode(Gfp(0x14_0cca)), "GFP_HIGHUSER_MOVABLE|__GFP_COMP");
        assert_eq!(table.decode(Gfp(0x100_0cc0)), "GFP_KERNEL|0x1000000");
        assert_eq!(table.decode(Gfp(0)), "none");
        assert_eq!(table.mask(&table.decode(Gfp(0x14_0cca))), Some(Gfp(0x14_0cca)));
    }
}
