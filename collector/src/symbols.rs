//! Numbers for call sites, so that no kernel address reaches the trace.

use std::{collections::HashMap, mem};

use trace::Symbol;

use crate::kernel::Kallsyms;

/// Gives each call site a number when it is first seen.
pub struct Symbols {
    kallsyms: Kallsyms,
    ids: HashMap<u64, u64>,
    new: Vec<Symbol>,
}

impl Symbols {
    /// With the symbols of the running kernel.
    pub fn new(kallsyms: Kallsyms) -> Self {
        Self { kallsyms, ids: HashMap::new(), new: Vec::new() }
    }

    /// The number of a kernel address; 0 for none.
    pub fn id(&mut self, address: u64, time: u64) -> u64 {
        if address == 0 {
            return 0;
        }
        let next = self.ids.len() as u64 + 1;
        *self.ids.entry(address).or_insert_with(|| {
            // A return address points behind the call, which may be the last instruction of its function.
            let (function, offset, module) = self.kallsyms.resolve(address - 1).unwrap_or(("?", 0, ""));
            let offset = if function == "?" { 0 } else { offset + 1 };
            self.new.push(Symbol { time, id: next, function: function.to_owned(), offset, module: module.to_owned() });
            next
        })
    }

    /// The rows since the last call.
    pub fn take_new(&mut self) -> Vec<Symbol> {
        mem::take(&mut self.new)
    }
}
