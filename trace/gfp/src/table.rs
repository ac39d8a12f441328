//! The names that one kernel gives to GFP bits.

use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt::Write;

use crate::Flags;

/// The names and masks of one kernel, in the order in which that kernel matches them: composites such as `GFP_KERNEL`
/// before single bits such as `__GFP_IO`.
///
/// With the feature `serde`, a table is serialized as a list of `[name, mask]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(from = "Vec<(String, u32)>", into = "Vec<(String, u32)>"))]
pub struct GfpTable {
    entries: Vec<(String, u32)>,
    /// The masks of the names that [`Flags`] knows, with the flags that they stand for.
    translation: Vec<(u32, Flags)>,
    /// Whether a name in `translation` has another number than in current kernels.
    renumbered: bool,
    /// The flags that every mask implies: before 4.4 every request woke kswapd, and no bit said so.
    implied: Flags,
}

impl GfpTable {
    /// Creates a table from names and masks, composites first.
    pub fn new(entries: Vec<(String, u32)>) -> Self {
        let known = entries.iter().filter_map(|(name, mask)| Some((*mask, Flags::from_name(name)?)));
        let translation: Vec<_> = known.filter(|(mask, _)| *mask != 0).collect();
        let renumbered = translation.iter().any(|(mask, flags)| *mask != flags.bits());
        let old = entries.iter().any(|(name, _)| name == "__GFP_WAIT" || name == "GFP_WAIT");
        Self { entries, translation, renumbered, implied: if old { Flags::KSWAPD_RECLAIM } else { Flags::default() } }
    }

    /// Returns the names and masks in matching order.
    pub fn entries(&self) -> impl Iterator<Item = (&str, u32)> {
        self.entries.iter().map(|(name, mask)| (name.as_str(), *mask))
    }

    /// Returns the single bits with their names: `__GFP_…`, or `GFP_…` if the kernel has no other name for the bit.
    pub fn bits(&self) -> impl Iterator<Item = (&str, u32)> {
        self.entries().filter(|(name, mask)| {
            let has_other = || self.entries().any(|(other, same)| same == *mask && other.starts_with("__"));
            mask.is_power_of_two() && (name.starts_with("__") || (Flags::from_name(name).is_some() && !has_other()))
        })
    }

    /// Returns the mask of one name, or `None` if this kernel does not have the name.
    pub fn mask(&self, name: &str) -> Option<u32> {
        self.entries().find(|(known, _)| *known == name).map(|(_, mask)| mask)
    }

    /// Returns whether a mask has all bits of a name. The result is `false` for a name that the kernel does not have.
    pub fn has(&self, mask: u32, name: &str) -> bool {
        self.mask(name).is_some_and(|bits| bits != 0 && mask & bits == bits)
    }

    /// Returns the names that make up a mask, exactly as the kernel prints them: `GFP_KERNEL|__GFP_ZERO`, with unknown
    /// bits in hex.
    ///
    /// The kernel's loop (`format_flags` in `lib/vsprintf.c` for `%pGg`, `trace_print_flags_seq` in
    /// `kernel/trace/trace_output.c` for `__print_flags`) goes through the names in the order of its table, prints each
    /// name whose bits are all still in the mask, and removes these bits, until no bit is left. It has no test for a
    /// name without bits, such as 3.x's `GFP_NOTRACK` on a kernel without kmemcheck: such a name is printed when the
    /// loop reaches it. For an empty mask the loop prints nothing; tracepoints then print `none` (`show_gfp_flags`,
    /// `include/trace/events/mmflags.h`), and before 4.6 `GFP_NOWAIT` (`include/trace/events/gfpflags.h`). The table of
    /// such a kernel therefore has the entry `GFP_NOWAIT` without bits.
    pub fn decode(&self, mask: u32) -> String {
        const EMPTY: (&str, u32) = ("GFP_NOWAIT", 0);
        if mask == 0 {
            let is_nowait = self.entries().any(|entry| entry == EMPTY);
            return if is_nowait { EMPTY.0 } else { "none" }.to_owned();
        }
        let mut text = String::new();
        let mut left = mask;
        for (name, bits) in self.entries() {
            if left == 0 {
                break;
            }
            if left & bits == bits && (name, bits) != EMPTY {
                push(&mut text, name);
                left &= !bits;
            }
        }
        if left != 0 {
            push(&mut text, "");
            // Writing to a String cannot fail.
            let _ = write!(text, "{left:#x}");
        }
        text
    }

    /// Returns the mask that a text stands for: names and hex or decimal numbers joined with `|`; `none` is the empty
    /// mask.
    ///
    /// # Errors
    /// The part that is neither a name of this kernel nor a number.
    pub fn encode(&self, text: &str) -> Result<u32, String> {
        text.split('|').map(str::trim).try_fold(0, |mask, part| {
            let number =
                part.strip_prefix("0x").map_or_else(|| part.parse().ok(), |hex| u32::from_str_radix(hex, 16).ok());
            let bits = number.or_else(|| self.mask(part)).or_else(|| (part == "none").then_some(0));
            bits.map(|bits| mask | bits).ok_or_else(|| part.to_owned())
        })
    }

    /// Returns the flags that the mask stands for. Bits without a name are taken for those of current kernels, as long
    /// as no name of the table contradicts that.
    #[inline]
    pub fn flags(&self, mask: u32) -> Flags {
        if self.renumbered { self.named_flags(mask) } else { Flags::from_bits(mask) }
    }

    /// Returns the flags that the mask stands for by its names alone; a bit without a name is ignored.
    pub(crate) fn named_flags(&self, mask: u32) -> Flags {
        let known = self.translation.iter().filter(|(bits, _)| mask & bits == *bits);
        known.fold(self.implied, |sum, (_, flags)| sum | *flags)
    }

    /// Returns whether every known bit has its current number, so that [`flags`](Self::flags) needs no translation.
    pub const fn is_current(&self) -> bool {
        !self.renumbered
    }

    /// Returns the flags that every mask of this kernel implies.
    pub(crate) const fn implied(&self) -> Flags {
        self.implied
    }
}

/// Appends a part to `text`, with a `|` before it unless it is the first.
fn push(text: &mut String, part: &str) {
    if !text.is_empty() {
        text.push('|');
    }
    text.push_str(part);
}

impl<'a> FromIterator<(&'a str, u32)> for GfpTable {
    fn from_iter<I: IntoIterator<Item = (&'a str, u32)>>(entries: I) -> Self {
        Self::new(entries.into_iter().map(|(name, mask)| (name.to_string(), mask)).collect())
    }
}

impl From<Vec<(String, u32)>> for GfpTable {
    fn from(entries: Vec<(String, u32)>) -> Self {
        Self::new(entries)
    }
}

impl From<GfpTable> for Vec<(String, u32)> {
    fn from(table: GfpTable) -> Self {
        table.entries
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn decodes_as_the_kernel_prints_and_encodes_back() {
        let table = GfpTable::new(vec![
            ("GFP_KERNEL".into(), 0xcc0),
            ("GFP_NOFS".into(), 0xc40),
            ("__GFP_FS".into(), 0x80),
            ("__GFP_ZERO".into(), 0x100),
        ]);
        assert_eq!(table.decode(0xdc0), "GFP_KERNEL|__GFP_ZERO");
        assert_eq!(table.decode(0x8000_0c40), "GFP_NOFS|0x80000000");
        assert_eq!(table.decode(0x8000_0000), "0x80000000");
        assert_eq!(table.decode(0), "none");
        for mask in [0, 0xdc0, 0x8000_0c40] {
            assert_eq!(table.encode(&table.decode(mask)), Ok(mask));
        }
        assert_eq!(table.encode("GFP_KERNEL|__GFP_NOSUCH"), Err("__GFP_NOSUCH".to_owned()));
        assert_eq!(table.encode("0xcc0 | 256"), Ok(0xdc0));
    }

    #[test]
    fn a_name_without_bits_is_printed_as_the_kernel_does() {
        let table: GfpTable =
            [("GFP_NOIO", 0x10), ("GFP_NOTRACK", 0), ("GFP_OTHER_NODE", 0x80_0000)].into_iter().collect();
        assert_eq!(table.decode(0x80_0010), "GFP_NOIO|GFP_NOTRACK|GFP_OTHER_NODE");
        assert_eq!(table.decode(0x10), "GFP_NOIO", "nothing is left when the loop comes by");
        assert_eq!(table.decode(0), "none");
        let table: GfpTable = [("GFP_NOWAIT", 0), ("__GFP_ZERO", 0x8000)].into_iter().collect();
        assert_eq!(table.decode(0), "GFP_NOWAIT");
        assert_eq!(table.decode(0x8000), "__GFP_ZERO");
    }

    #[test]
    fn a_bit_has_one_name() {
        let table: GfpTable =
            [("GFP_ATOMIC", 0x20), ("GFP_DMA", 1), ("GFP_DMA32", 4), ("__GFP_DMA32", 4), ("GFP_HIGH", 0x20)]
                .into_iter()
                .collect();
        let bits: Vec<_> = table.bits().collect();
        assert_eq!(bits, [("GFP_DMA", 1), ("__GFP_DMA32", 4), ("GFP_HIGH", 0x20)]);
    }

    #[test]
    fn a_bit_without_a_name_means_nothing_to_the_explainer() {
        let table: GfpTable = [("__GFP_IO", 0x40)].into_iter().collect();
        assert_eq!(table.flags(0x440), Flags::IO | Flags::DIRECT_RECLAIM);
        assert_eq!(table.named_flags(0x440), Flags::IO);
    }

    #[cfg(feature = "serde")]
    #[test]
    fn a_table_is_a_list_in_json() {
        let table: GfpTable = [("GFP_KERNEL", 0xcc0), ("__GFP_FS", 0x80)].into_iter().collect();
        let json = r#"[["GFP_KERNEL",3264],["__GFP_FS",128]]"#;
        assert_eq!(serde_json::to_string(&table).unwrap(), json);
        assert_eq!(serde_json::from_str::<GfpTable>(json).unwrap(), table);
    }
}
