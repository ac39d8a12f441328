//! `/proc/kallsyms`: which kernel function an address belongs to.

use std::io::BufRead;

/// The functions of a kernel, by address.
#[derive(Debug, Clone, Default)]
pub struct Kallsyms {
    /// start, name, module
    symbols: Vec<(u64, String, String)>,
}

impl Kallsyms {
    /// Reads lines such as `ffffffff81000000 T _text` or `ffffffffc0001000 t nft_do_chain [nf_tables]`. A kernel that
    /// hides its addresses prints zeros, which is as good as nothing.
    pub fn read(text: impl BufRead) -> Self {
        let mut found = Vec::new();
        for line in text.lines().map_while(Result::ok) {
            let mut words = line.split_whitespace();
            let (Some(address), Some(kind), Some(name)) =
                (words.next().and_then(|hex| u64::from_str_radix(hex, 16).ok()), words.next(), words.next())
            else {
                continue;
            };
            // Code and data, as perf takes them: data names nothing that calls, but ends the function before it.
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

    /// Returns whether nothing can be looked up.
    pub fn is_empty(&self) -> bool {
        self.symbols.is_empty()
    }

    /// Returns the function of an address, the offset in it, and its module.
    pub fn find(&self, address: u64) -> Option<(&str, u64, &str)> {
        let after = self.symbols.partition_point(|(start, ..)| *start <= address);
        // Behind the last symbol there is no telling where it ends.
        let (start, name, module) = self.symbols.get(after.checked_sub(1)?).filter(|_| after < self.symbols.len())?;
        Some((name, address - start, module))
    }
}

/// Ranks the names of one address, of which the least is told: perf prefers what is not weak, then what is
/// global, then the fewest underscores in front, then the longest name.
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
