//! The symbols of a trace, which give the function and the offset of every call site.

use std::collections::HashMap;

use trace::{Problem, Symbol, Trace};

/// The call sites of a trace by their numbers.
pub(crate) struct Symbols {
    by_id: HashMap<u64, Symbol>,
    /// The least call site of the same function, by call site. It stands for all call sites of that function.
    representative: HashMap<u64, u64>,
    /// Whether the numbers of call sites are kernel addresses.
    raw_addresses: bool,
}

impl Symbols {
    /// Reads the table of symbols. Damage to it is added to `problems`.
    pub fn read(trace: &Trace, problems: &mut Vec<Problem>) -> Self {
        let by_id: HashMap<u64, Symbol> =
            trace.all::<Symbol>(problems).into_iter().map(|symbol| (symbol.id, symbol)).collect();
        let mut first: HashMap<(&str, &str), u64> = HashMap::new();
        for (id, symbol) in &by_id {
            let least = first.entry((&symbol.function, &symbol.module)).or_insert(*id);
            *least = (*least).min(*id);
        }
        let representative = by_id
            .iter()
            .map(|(id, symbol)| (*id, first[&(symbol.function.as_str(), symbol.module.as_str())]))
            .collect();
        Self { by_id, representative, raw_addresses: trace.header.raw_addresses }
    }

    /// Returns the symbol of a call site, if the trace has it.
    pub fn get(&self, id: u64) -> Option<&Symbol> {
        self.by_id.get(&id)
    }

    /// Returns a call site in words: `vfs_read+0x1c [module]`.
    pub fn callsite(&self, id: u64) -> String {
        match self.get(id) {
            Some(symbol) => format!("{}+{:#x}{}", symbol.function, symbol.offset, module(symbol)),
            None if self.raw_addresses && id != 0 && id != u64::MAX => format!("{id:#x}"),
            None => "unknown".to_owned(),
        }
    }

    /// Returns the function of a call site in words: `vfs_read [module]`.
    pub fn function(&self, id: u64) -> String {
        self.get(id).map_or_else(|| "unknown".to_owned(), |symbol| format!("{}{}", symbol.function, module(symbol)))
    }

    /// Returns the call site that stands for all call sites of the same function.
    pub fn representative(&self, id: u64) -> u64 {
        self.representative.get(&id).copied().unwrap_or(id)
    }
}

fn module(symbol: &Symbol) -> String {
    if symbol.module.is_empty() { String::new() } else { format!(" [{}]", symbol.module) }
}
