//! The names of a trace, which put the numbers in its tables into words.

use std::collections::HashMap;

use trace::{Cache, Cgroup, Header, Problem, Stack, Symbol, Trace};

use super::{interval, symbols::Symbols, tasks::Tasks};
use crate::fast_hash::NumberMap;

/// The header of a trace and its tables of names.
pub struct Names<'a> {
    pub(crate) header: &'a Header,
    pub(crate) tasks: Tasks,
    /// The length of the intervals of the key `time`, in ns.
    pub(crate) interval: u64,
    pub(crate) symbols: Symbols,
    /// The call sites of every kernel stack, innermost first, by the stack's number.
    stacks: HashMap<u32, Vec<u64>>,
    /// The call site that asked for pages, by the stack's number: the first call site outside the allocator.
    pub(crate) callers: NumberMap<u32, u64>,
    caches: HashMap<u16, String>,
    cgroups: HashMap<u64, String>,
}

/// The first letters of the names of the allocator's own functions. The call site that asked for pages is the first one
/// outside these functions. Prefixes are compared, since the kernel's wrappers around `__alloc_pages` differ from
/// release to release and end in `_noprof` since Linux 6.10.
const ALLOCATOR: [&str; 14] = [
    "alloc_pages",
    "__alloc_pages",
    "__alloc_frozen_pages",
    "alloc_frozen_pages",
    "folio_alloc",
    "__folio_alloc",
    "vma_alloc",
    "get_free_pages",
    "__get_free_page",
    "get_zeroed_page",
    "__get_zeroed_page",
    "alloc_page",
    "__alloc_page",
    "trace_",
];

impl<'a> Names<'a> {
    /// Reads the tables of names. Damage to them is added to `problems`.
    pub fn read(trace: &'a Trace, problems: &mut Vec<Problem>) -> Self {
        let tasks = Tasks::read(trace, problems);
        let symbols = Symbols::read(trace, problems);
        let mut stacks: HashMap<u32, Vec<u64>> = HashMap::new();
        for Stack { id, depth, symbol, .. } in trace.all(problems) {
            let callsites = stacks.entry(id).or_default();
            callsites.resize(callsites.len().max(usize::from(depth) + 1), 0);
            callsites[usize::from(depth)] = symbol;
        }
        let outside = |callsite: &&u64| {
            symbols.get(**callsite).is_none_or(|symbol| !ALLOCATOR.iter().any(|own| symbol.function.starts_with(own)))
        };
        let caller = |callsites: &[u64]| callsites.iter().find(outside).or(callsites.first()).copied().unwrap_or(0);
        let callers = stacks.iter().map(|(id, callsites)| (*id, caller(callsites))).collect();
        let caches = trace.all(problems).into_iter().map(|Cache { id, name, .. }| (id, name)).collect();
        let cgroups = trace.all(problems).into_iter().map(|Cgroup { id, path, .. }| (id, path)).collect();
        let interval = interval::of_trace(&trace.header);
        Self { header: &trace.header, tasks, interval, symbols, stacks, callers, caches, cgroups }
    }

    /// Returns the call sites of a kernel stack, innermost first, or none if the stack is not known.
    pub(crate) fn stack(&self, id: u32) -> &[u64] {
        self.stacks.get(&id).map_or(&[], Vec::as_slice)
    }

    /// Returns whether any page event has a stack.
    pub(crate) fn has_stacks(&self) -> bool {
        !self.stacks.is_empty()
    }

    /// Returns the call site that asked for pages, which is the first one of a stack outside the allocator, or 0
    /// without a stack.
    pub(crate) fn caller(&self, stack: u32) -> u64 {
        self.callers.get(&stack).copied().unwrap_or(0)
    }

    /// Returns the call site that asked for pages according to perf, whose pattern of the allocator's names is that of
    /// Linux 3.x.
    pub(crate) fn perf_caller(&self, stack: u32) -> u64 {
        let callsites = self.stack(stack);
        let outside =
            |callsite: &&u64| self.symbol(**callsite).is_none_or(|symbol| !is_allocator_to_perf(&symbol.function));
        callsites.iter().find(outside).or(callsites.first()).copied().unwrap_or(0)
    }

    /// Returns the name of a slab cache. The number 0 stands for any of kmalloc's caches.
    pub(crate) fn cache(&self, id: u16) -> String {
        self.caches
            .get(&id)
            .cloned()
            .unwrap_or_else(|| if id == 0 { "kmalloc".to_owned() } else { format!("cache {id}") })
    }

    /// Returns the path of a cgroup, or `-` if it is not known.
    pub(crate) fn cgroup(&self, id: u64) -> String {
        self.cgroups.get(&id).cloned().unwrap_or_else(|| "-".to_owned())
    }

    /// Returns the symbol of a call site, if the trace has it.
    pub(crate) fn symbol(&self, id: u64) -> Option<&Symbol> {
        self.symbols.get(id)
    }

    /// Returns a call site in words: `vfs_read+0x1c [module]`.
    pub fn callsite(&self, id: u64) -> String {
        self.symbols.callsite(id)
    }

    /// Returns the function of a call site in words: `vfs_read [module]`.
    pub(crate) fn function(&self, id: u64) -> String {
        self.symbols.function(id)
    }

    /// Returns the call site that stands for all call sites of the same function.
    pub(crate) fn representative(&self, callsite: u64) -> u64 {
        self.symbols.representative(callsite)
    }

    /// Returns the name of a thread by the name's number, or `-` if it is not known.
    pub(crate) fn comm(&self, comm: u32) -> String {
        self.tasks.comm(comm).unwrap_or("-").to_owned()
    }

    /// Returns the name of one GFP bit, or the bit in hexadecimal if the kernel has no name for it.
    pub(crate) fn flag(&self, bit: u32) -> String {
        let known = self.header.gfp.bits().find(|(_, mask)| *mask == bit);
        known.map_or_else(|| format!("{bit:#x}"), |(name, _)| name.to_owned())
    }

    /// Returns the name of a kind of event.
    pub(crate) fn kind(&self, number: u8) -> String {
        self.header.kind_name(number)
    }
}

/// Returns whether perf takes a function for one of the allocator's: `^_?_?(alloc|get_free|get_zeroed)_pages?`.
fn is_allocator_to_perf(function: &str) -> bool {
    let function = function.strip_prefix('_').unwrap_or(function);
    let function = function.strip_prefix('_').unwrap_or(function);
    ["alloc_page", "get_free_page", "get_zeroed_page"].iter().any(|own| function.starts_with(own))
}
