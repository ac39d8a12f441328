//! Words for the numbers in the tables.

use std::collections::HashMap;

use trace::{Header, Problem, Symbol, Trace};

use crate::tasks::Tasks;

/// Everything of a trace that gives its numbers names.
pub struct Names<'a> {
    pub(crate) header: &'a Header,
    pub(crate) tasks: Tasks,
    symbols: HashMap<u64, Symbol>,
    /// the least call site of each function stands for all of them
    representative: HashMap<u64, u64>,
}

impl<'a> Names<'a> {
    /// Reads them; what cannot be read is added to `problems`.
    pub fn read(trace: &'a Trace, problems: &mut Vec<Problem>) -> Self {
        let tasks = Tasks::read(trace, problems);
        let symbols: HashMap<u64, Symbol> = trace.all::<Symbol>(problems).into_iter().map(|symbol| (symbol.id, symbol)).collect();
        let mut first: HashMap<(&str, &str), u64> = HashMap::new();
        for (id, symbol) in &symbols {
            let least = first.entry((&symbol.function, &symbol.module)).or_insert(*id);
            *least = (*least).min(*id);
        }
        let representative = symbols.iter().map(|(id, symbol)| (*id, first[&(symbol.function.as_str(), symbol.module.as_str())])).collect();
        Self { header: &trace.header, tasks, symbols, representative }
    }

    /// A call site in words: `vfs_read+0x1c [module]`.
    pub fn callsite(&self, id: u64) -> String {
        match self.symbols.get(&id) {
            Some(symbol) => format!("{}+{:#x}{}", symbol.function, symbol.offset, module(symbol)),
            None => "unknown".to_owned(),
        }
    }

    /// `vfs_read [module]`
    pub(crate) fn function(&self, id: u64) -> String {
        self.symbols.get(&id).map_or_else(|| "unknown".to_owned(), |symbol| format!("{}{}", symbol.function, module(symbol)))
    }

    /// The call site that stands for all those of the same function.
    pub(crate) fn representative(&self, callsite: u64) -> u64 {
        self.representative.get(&callsite).copied().unwrap_or(callsite)
    }

    pub(crate) fn comm(&self, comm: u32) -> String {
        self.tasks.comm(comm).unwrap_or("-").to_owned()
    }

    /// The name of one GFP bit.
    pub(crate) fn flag(&self, bit: u32) -> String {
        let known = self.header.gfp.bits().find(|(_, mask)| *mask == bit);
        known.map_or_else(|| format!("{bit:#x}"), |(name, _)| name.to_owned())
    }

    pub(crate) fn kind(&self, number: u8) -> String {
        let known = self.header.kinds.iter().find(|(_, known)| **known == number);
        known.map_or_else(|| number.to_string(), |(name, _)| name.clone())
    }
}

fn module(symbol: &Symbol) -> String {
    if symbol.module.is_empty() { String::new() } else { format!(" [{}]", symbol.module) }
}
