//! The names of the numbers in a [`TallyKey`] on this host.

use std::collections::HashMap;

use trace::{Header, TallyKey, UNKNOWN_ZONE};

use super::column::Column;
use crate::kernel::Kallsyms;

/// The text that is shown where an event has no value.
pub(crate) const NO_VALUE: &str = "-";

/// The running kernel's names for zones, migratetypes, GFP masks, slab caches and call sites.
pub struct KeyNames {
    header: Header,
    /// indices into the header's zones, by the numbers that the counting programs give to zones
    zones: Vec<usize>,
    kallsyms: Kallsyms,
    /// names of slab caches, by the address of the `kmem_cache`
    caches: HashMap<u64, String>,
}

impl KeyNames {
    /// The names of a host; `zones` are indices into the header's zones, in the order in which the counting programs
    /// were told of them.
    pub fn new(header: Header, zones: Vec<usize>, kallsyms: Kallsyms) -> Self {
        Self { header, zones, kallsyms, caches: HashMap::new() }
    }

    /// Takes over the names of slab caches, with their addresses.
    pub(crate) fn add_caches(&mut self, caches: Vec<(u64, String)>) {
        self.caches.extend(caches);
    }

    /// The description of the host that the names are from.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The text of a key's value in a column.
    pub(crate) fn text(&self, column: Column, key: &TallyKey) -> String {
        match column {
            Column::Order => key.order.to_string(),
            Column::Zone if key.zone == UNKNOWN_ZONE => NO_VALUE.to_owned(),
            Column::Zone => self
                .zones
                .get(usize::from(key.zone))
                .map_or_else(|| "?".to_owned(), |zone| self.header.zone_name(*zone as u8)),
            Column::Migratetype => self.header.migratetype_name(key.migratetype),
            Column::Gfp => self.header.gfp.decode(key.gfp),
            Column::Cache => self.cache(key.cache),
            Column::CallSite => self.call_site(key.call_site),
            Column::Comm => {
                String::from_utf8_lossy(key.comm.split(|byte| *byte == 0).next().unwrap_or_default()).into_owned()
            }
        }
    }

    /// The name of a slab cache. For kmalloc the kernel tells the size of the object; it does not tell which of the
    /// caches of that size it is from (reclaimable, accounted, DMA). For kfree it tells nothing.
    fn cache(&self, cache: u64) -> String {
        match cache {
            0 => NO_VALUE.to_owned(),
            size @ ..=KMALLOC_MAX_CACHE_SIZE => format!("kmalloc-{size}"),
            size if size <= KMALLOC_MAX_SIZE => format!("kmalloc of {} pages", size / self.header.page_size.max(1)),
            address => {
                self.caches.get(&address).filter(|name| !name.is_empty()).cloned().unwrap_or_else(|| "?".to_owned())
            }
        }
    }

    /// Function, offset and module of a return address.
    fn call_site(&self, address: u64) -> String {
        // A return address points behind the call, which may be the last instruction of its function.
        match self.kallsyms.resolve(address.saturating_sub(1)) {
            Some((function, offset, "")) => format!("{function}+{:#x}", offset + 1),
            Some((function, offset, module)) => format!("{function}+{:#x} [{module}]", offset + 1),
            None => "?".to_owned(),
        }
    }
}

/// Above this many bytes kmalloc takes whole pages (`KMALLOC_MAX_CACHE_SIZE` in include/linux/slab.h: two pages of
/// 4 KiB).
const KMALLOC_MAX_CACHE_SIZE: u64 = 8192;
/// More bytes than kmalloc ever gives, and less than the address of anything in the kernel.
const KMALLOC_MAX_SIZE: u64 = 1 << 32;
