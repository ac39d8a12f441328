//! The kernel's functions by address, from `/proc/kallsyms`.
//!
//! ```text
//! ffffffff81234560 T __alloc_pages_noprof
//! ffffffffc0123000 t nf_hook      [nf_tables]
//! ```

use std::fs;

use crate::Error;

/// The kernel's functions by address, at the time when the file was read. Functions of modules that are loaded later
/// are unknown.
#[derive(Debug, Default)]
pub struct Kallsyms {
    /// The address, name and module (empty for the kernel itself) of each function, sorted by address.
    symbols: Vec<(u64, Box<str>, Box<str>)>,
}

impl Kallsyms {
    /// Reads the symbols. If the kernel hides their addresses (`kptr_restrict`), the result has no symbols.
    ///
    /// # Errors
    /// [`Error::Read`]
    pub(crate) fn read() -> Result<Self, Error> {
        let path = "/proc/kallsyms";
        Ok(Self::parse(&fs::read_to_string(path).map_err(|error| Error::Read { path: path.into(), error })?))
    }

    fn parse(text: &str) -> Self {
        let mut symbols: Vec<_> = text.lines().filter_map(Self::line).collect();
        // Aliases share an address. The kernel lists the preferred name first, and the sort is stable.
        symbols.sort_by_key(|(address, ..)| *address);
        symbols.dedup_by_key(|(address, ..)| *address);
        Self { symbols }
    }

    fn line(line: &str) -> Option<(u64, Box<str>, Box<str>)> {
        let mut words = line.split_whitespace();
        let address = u64::from_str_radix(words.next()?, 16).ok()?;
        let sort = words.next()?;
        let name = words.next()?;
        let module = words.next().map_or("", |module| module.trim_matches(['[', ']']));
        // Only symbols of code can be call sites: those of type t and T, and the weak ones of type w and W.
        (address != 0 && matches!(sort, "t" | "T" | "w" | "W")).then(|| (address, name.into(), module.into()))
    }

    /// Returns whether there are no symbols.
    pub(crate) fn is_empty(&self) -> bool {
        self.symbols.is_empty()
    }

    /// Returns the function in which an address lies, the offset of the address in the function in bytes, and the
    /// function's module (empty for the kernel itself).
    pub(crate) fn resolve(&self, address: u64) -> Option<(&str, u64, &str)> {
        // The last function before a gap, such as the gap between the kernel and its modules, does not extend over the
        // gap.
        const LONGEST_FUNCTION: u64 = 1 << 20;
        let after = self.symbols.partition_point(|(start, ..)| *start <= address);
        let (start, name, module) = self.symbols.get(after.checked_sub(1)?)?;
        (address - start < LONGEST_FUNCTION).then_some((&**name, address - start, &**module))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolves_inside_functions_only() {
        let symbols = Kallsyms::parse(
            "ffffffff81000000 T _text\nffffffff81000100 t foo\nffffffff81000100 T alias_of_foo\nffffffff81000180 d data\nffffffffc0000000 t bar\t[mod]\n0000000000000000 t hidden\n",
        );
        assert_eq!(symbols.resolve(0xffff_ffff_8100_0190), Some(("foo", 0x90, "")));
        assert_eq!(symbols.resolve(0xffff_ffff_c000_0004), Some(("bar", 4, "mod")));
        assert_eq!(symbols.resolve(0xffff_ffff_9000_0000), None);
        assert_eq!(symbols.resolve(5), None);
    }
}
