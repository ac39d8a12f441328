//! The names for the numbers in a [`TallyKey`] on this host.

use std::collections::HashMap;

use trace::{Header, TallyKey, UNKNOWN_ZONE};

use super::column::Column;
use crate::kernel::Kallsyms;

/// The text that is shown if an event has no value.
pub(crate) const NO_VALUE: &str = "-";

/// The running kernel's names for zones, migratetypes, GFP masks, slab caches and call sites.
pub struct KeyNames {
    header: Header,
    /// The indices into the header's zones, by the numbers that the counting programs give to zones.
    zones: Vec<usize>,
    kallsyms: Kallsyms,
    /// The names of slab caches, by the address of the `kmem_cache`.
    caches: HashMap<u64, String>,
}

impl KeyNames {
    /// Returns the names of a host. `zones` are indices into the header's zones, in the order of the zone spans that
    /// the counting programs were given.
    pub fn new(header: Header, zones: Vec<usize>, kallsyms: Kallsyms) -> Self {
        Self { header, zones, kallsyms, caches: HashMap::new() }
    }

    /// Adds the names of slab caches, given with the caches' addresses.
    pub(crate) fn add_caches(&mut self, caches: Vec<(u64, String)>) {
        self.caches.extend(caches);
    }

    /// Returns the description of the host.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Returns the text for a key's value in a column.
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

    /// Returns the name of a slab cache. For kmalloc, the kernel reports the size of the object, and not from which of
    /// the caches of that size (reclaimable, accounted, DMA) the object is. For kfree, the kernel reports neither.
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

    /// Returns the function, offset and module of a return address, as text.
    fn call_site(&self, address: u64) -> String {
        // A return address points behind the call, which may be the last instruction of the function.
        match self.kallsyms.resolve(address.saturating_sub(1)) {
            Some((function, offset, "")) => format!("{function}+{:#x}", offset + 1),
            Some((function, offset, module)) => format!("{function}+{:#x} [{module}]", offset + 1),
            None => "?".to_owned(),
        }
    }
}

/// The number of bytes above which kmalloc takes whole pages (`KMALLOC_MAX_CACHE_SIZE` in include/linux/slab.h: two
/// pages of 4 KiB).
const KMALLOC_MAX_CACHE_SIZE: u64 = 8192;
/// A number that is greater than any size in bytes that kmalloc gives, and less than any kernel address.
const KMALLOC_MAX_SIZE: u64 = 1 << 32;
