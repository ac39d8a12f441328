//! Zones: their free lists, per-CPU lists, marks and counters, and the order in which a request tries them.

mod counters;
pub(crate) mod mmzone;
pub(crate) mod pcp_queue;
pub(crate) mod per_cpu_pages;
mod stats;
pub(crate) mod watermark;
pub(crate) mod watermark_ok;
pub(crate) mod zonelist;

pub use per_cpu_pages::PcpSizes;
pub use stats::ZoneStats;
pub use watermark::{
    Tunables, Watermarks, lowmem_reserve, min_free_kbytes_by_size, min_free_kbytes_for_thp, zone_watermarks,
};
