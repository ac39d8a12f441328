//! The machine: its memory, nodes and CPUs as plain values, and the rules of its kernel.

mod ids;
mod layout;
mod memory;
mod percpu;
mod rules;

pub use ids::{COSTLY_ORDER, Cpu, MAX_ORDER, NR_ORDERS, NodeId, Order, PAGE_SHIFT, PAGE_SIZE, Pfn, ZoneId};
pub use layout::{Layout, PAGE_OFFSET_X86_32, PAGE_OFFSET_X86_64, ZONE_TYPES, ZoneSpec, ZoneType};
pub use memory::Memory;
pub use percpu::PerCpu;
pub use rules::{FallbackRule, PcpRule, Rules, WatermarkRule};
