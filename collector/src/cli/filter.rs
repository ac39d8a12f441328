//! The options for the filter, which several commands have in common.

use collector::Filter;
use trace::Family;

use super::values::size;

/// A family of events that can be counted.
#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
pub enum Events {
    /// pages allocated and freed
    Page,
    /// kmalloc and kfree
    Slab,
    /// the slab caches' own calls: `kmem_cache_alloc` and `kmem_cache_free`
    Cache,
}

impl Events {
    /// Returns the families of events for these values.
    pub fn families(events: &[Self]) -> Vec<Family> {
        let family = |events: &Self| match events {
            Self::Page => Family::Page,
            Self::Slab => Family::Slab,
            Self::Cache => Family::Cache,
        };
        events.iter().map(family).collect()
    }
}

/// Filters inside the kernel.
#[derive(clap::Args)]
pub struct FilterArgs {
    /// Only what this process does. What others free for it (kernel threads, RCU) is left out too
    #[arg(long, value_name = "PID")]
    pid: Option<u32>,
    /// Only what threads of this name do (the first 15 bytes count, as in ps)
    #[arg(long, value_name = "NAME")]
    comm: Option<String>,
    /// Only what threads in this cgroup (version 2) or below it do: a path from the hierarchy's root
    #[arg(long, value_name = "PATH")]
    cgroup: Option<String>,
    /// Only pages of this order or above
    #[arg(long, value_name = "N")]
    order: Option<u32>,
    /// Only allocations with all these GFP flags, as in `GFP_KERNEL|__GFP_ZERO` or `0xcc0`; every free passes
    #[arg(long, value_name = "FLAGS")]
    gfp: Option<String>,
    /// Only kmalloc of at least so many bytes; every kfree passes
    #[arg(long, value_name = "SZ", value_parser = size)]
    min_bytes: Option<u64>,
}

impl FilterArgs {
    /// Returns the filter for these options.
    pub fn filter(self) -> Filter {
        Filter {
            pid: self.pid.unwrap_or(0),
            comm: self.comm.unwrap_or_default(),
            cgroup: self.cgroup,
            min_order: self.order.unwrap_or(0),
            gfp: self.gfp,
            min_bytes: self.min_bytes.unwrap_or(0).min(u64::from(u32::MAX)) as u32,
            sample: 0,
        }
    }
}
