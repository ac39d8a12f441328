//! The numbers of places in the kernel's code.

use std::collections::HashMap;

use trace::Symbol;

use super::name_rows::NameRows;
use crate::kernel::Kallsyms;

/// Gives numbers to places in the kernel's code when they are first seen, so that no kernel address reaches the trace.
#[derive(Default)]
pub struct Symbols {
    kallsyms: Kallsyms,
    ids: HashMap<u64, u64>,
    pub rows: NameRows<Symbol>,
}

impl Symbols {
    /// Returns a table in which no place has a number yet.
    pub fn new(kallsyms: Kallsyms) -> Self {
        Self { kallsyms, ..Self::default() }
    }

    /// Returns the number of a return address; 0 for no address.
    pub fn id(&mut self, address: u64, time: u64) -> u64 {
        if address == 0 {
            return 0;
        }
        let next = self.ids.len() as u64 + 1;
        *self.ids.entry(address).or_insert_with(|| {
            // A return address points behind the call, which may be the last instruction of the function.
            let (function, offset, module) = self.kallsyms.resolve(address - 1).unwrap_or(("?", 0, ""));
            let offset = if function == "?" { 0 } else { offset + 1 };
            self.rows.push(Symbol { time, id: next, function: function.to_owned(), offset, module: module.to_owned() });
            next
        })
    }

    /// Returns the function in which an address lies, if it is known.
    pub fn function(&self, address: u64) -> Option<&str> {
        self.kallsyms.resolve(address).map(|(function, ..)| function)
    }
}
