//! The numbers of kernel stacks.

use std::collections::HashMap;

use trace::Stack;

use super::{name_rows::NameRows, symbols::Symbols};

/// Gives numbers to kernel stacks, so that each stack is stored once.
#[derive(Default)]
pub struct Stacks {
    ids: HashMap<Box<[u64]>, u32>,
    pub rows: NameRows<Stack>,
}

/// The greatest number of different stacks that get a number, which bounds the memory. Further stacks get the number 0;
/// no host is known that has more.
const MOST: usize = 1 << 19;

impl Stacks {
    /// Returns the number of the stack with these return addresses, innermost first; 0 for no stack.
    pub fn id(&mut self, frames: &[u64], time: u64, symbols: &mut Symbols) -> u32 {
        if let Some(id) = self.ids.get(frames) {
            return *id;
        }
        if frames.is_empty() || self.ids.len() >= MOST {
            return 0;
        }
        let id = self.ids.len() as u32 + 1;
        self.ids.insert(frames.into(), id);
        for (depth, address) in frames[tracing_frames(frames, symbols)..].iter().enumerate() {
            let symbol = symbols.id(*address, time);
            self.rows.push(Stack { time, id, depth: depth as u16, symbol });
        }
        id
    }
}

/// Returns how many of the innermost stack frames belong to the tracing itself, and not to the traced code.
fn tracing_frames(frames: &[u64], symbols: &Symbols) -> usize {
    // The prefixes are those of the eBPF program, of the functions that run it, and of the tracepoint
    // (kernel/trace/bpf_trace.c, include/linux/tracepoint.h).
    const PREFIXES: [&str; 8] = [
        "bpf_",
        "__bpf_",
        "__traceiter_",
        "trace_call_bpf",
        "perf_trace_",
        "perf_call_bpf",
        "trace_event_raw_event_",
        "__perf_trace_",
    ];
    const MOST: usize = 8;
    let is_tracing = |address: &u64| {
        symbols.function(address - 1).is_some_and(|function| PREFIXES.iter().any(|prefix| function.starts_with(prefix)))
    };
    frames.iter().take(MOST).rposition(is_tracing).map_or(0, |last| last + 1)
}
