//! The symbols of `/proc/kallsyms`, which tell the kernel function that an address belongs to.

use std::io::BufRead;

/// The functions of a kernel, by address.
#[derive(Debug, Clone, Default)]
pub struct Kallsyms {
    /// The start address, the name and the module of each symbol, in the order of the addresses.
    symbols: Vec<(u64, String, String)>,
}

impl Kallsyms {
    /// Reads lines such as `ffffffff81000000 T _text` or `ffffffffc0001000 t nft_do_chain [nf_tables]`. Lines with the
    /// address 0 are left out: a kernel that hides its addresses (`kptr_restrict`) prints zeros.
    pub fn read(text: impl BufRead) -> Self {
        let mut found = Vec::new();
        for line in text.lines().map_while(Result::ok) {
            let mut words = line.split_whitespace();
            let (Some(address), Some(kind), Some(name)) =
                (words.next().and_then(|hex| u64::from_str_radix(hex, 16).ok()), words.next(), words.next())
            else {
                continue;
            };
            // Symbols of code and data are kept, as perf does. Data makes no calls, but its symbol ends the function
            // before it.
            if address == 0 || !matches!(kind, "T" | "t" | "W" | "w" | "D" | "d" | "B" | "b") || name.starts_with('$') {
                continue;
            }
            let module = words.next().unwrap_or("").trim_matches(['[', ']']).to_owned();
            found.push((address, preference(kind, name), name.to_owned(), module));
        }
        found.sort();
        found.dedup_by_key(|(address, ..): &mut (u64, _, _, _)| *address);
        Self { symbols: found.into_iter().map(|(address, _, name, module)| (address, name, module)).collect() }
    }

    /// Returns whether there are no symbols.
    pub fn is_empty(&self) -> bool {
        self.symbols.is_empty()
    }

    /// Returns the function of an address, the offset within the function in bytes, and the function's module.
    pub fn find(&self, address: u64) -> Option<(&str, u64, &str)> {
        let after = self.symbols.partition_point(|(start, ..)| *start <= address);
        // The end of the last symbol is not known, so no address belongs to it.
        let (start, name, module) = self.symbols.get(after.checked_sub(1)?).filter(|_| after < self.symbols.len())?;
        Some((name, address - start, module))
    }
}

/// Returns the rank of a name among the names of one address, of which the least rank wins. As in perf, global names
/// come before local ones, and these before weak ones. Then the name with the fewest leading underscores wins, and then
/// the longest name.
fn preference(kind: &str, name: &str) -> (u8, usize, std::cmp::Reverse<usize>) {
    let binding = match kind {
        "W" | "w" => 2,
        "T" | "D" | "B" => 0,
        _ => 1,
    };
    (binding, name.bytes().take_while(|byte| *byte == b'_').count(), std::cmp::Reverse(name.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_belongs_to_the_function_before_it_and_the_best_of_its_names() {
        let text = "ffffffff81000000 T _text\nffffffff81000000 T startup_64\nffffffff81000100 t __helper\nffffffff81000100 W helper\nffffffff81000200 d data\nffffffffc0000000 t inside\t[module]\nffffffffc0000100 T end\n";
        let symbols = Kallsyms::read(text.as_bytes());
        assert_eq!(symbols.find(0xffff_ffff_8100_0010), Some(("startup_64", 0x10, "")));
        assert_eq!(symbols.find(0xffff_ffff_8100_0100), Some(("__helper", 0, "")));
        assert_eq!(symbols.find(0xffff_ffff_c000_0001), Some(("inside", 1, "module")));
        assert_eq!(symbols.find(0xffff_ffff_c000_0100), None);
        assert_eq!(symbols.find(1), None);
        assert!(Kallsyms::read("0000000000000000 T _text\n".as_bytes()).is_empty());
    }
}
