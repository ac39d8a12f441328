//! What the tables are sorted by, in perf's words.

use std::{cmp::Ordering, str::FromStr};

use super::{block::Block, site::Site};
use crate::Error;

macro_rules! keys {
    ($(#[doc = $type_doc:literal])* $type:ident of $what:literal { $($key:ident $name:literal #[doc = $doc:literal])* }) => {
        $(#[doc = $type_doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $type {
            $( #[doc = $doc] $key, )*
        }

        impl FromStr for $type {
            type Err = Error;

            fn from_str(name: &str) -> Result<Self, Error> {
                match name {
                    $( $name => Ok(Self::$key), )*
                    _ => Err(Error::Unknown { what: $what, given: name.to_owned(), known: [$($name),*].join(", ") }),
                }
            }
        }
    };
}

keys! {
    /// A column that objects and their call sites can be sorted by.
    ObjectKey of "sort key of kernel objects" {
        Ptr "ptr" /// address of the object; call sites have none (there perf sorts by memory that it never wrote)
        Callsite "callsite" /// address of the call site
        Bytes "bytes" /// bytes allocated
        Hit "hit" /// allocations
        Pingpong "pingpong" /// frees on another CPU
        Frag "frag" /// share of the bytes that nobody asked for
    }
}

keys! {
    /// A column that pages and their call sites can be sorted by.
    PageKey of "sort key of pages" {
        Page "page" /// page frame number
        Callsite "callsite" /// address of the call site
        Bytes "bytes" /// bytes allocated
        Hit "hit" /// allocations
        Order "order" /// order
        Migtype "migtype" /// number of the migratetype
        Gfp "gfp" /// GFP mask
    }
}

impl ObjectKey {
    /// What perf sorts by unless it is told otherwise.
    pub const DEFAULT: [Self; 3] = [Self::Frag, Self::Hit, Self::Bytes];

    fn compare(self, a: &Site, b: &Site) -> Ordering {
        match self {
            Self::Ptr => a.ptr.cmp(&b.ptr),
            Self::Callsite => a.call_site.cmp(&b.call_site),
            Self::Bytes => a.bytes_alloc.cmp(&b.bytes_alloc),
            Self::Hit => a.hit.cmp(&b.hit),
            Self::Pingpong => a.pingpong.cmp(&b.pingpong),
            Self::Frag => a.fragmentation().total_cmp(&b.fragmentation()),
        }
    }
}

impl PageKey {
    /// What perf sorts by unless it is told otherwise.
    pub const DEFAULT: [Self; 2] = [Self::Bytes, Self::Hit];

    fn compare(self, a: &Block, b: &Block) -> Ordering {
        match self {
            Self::Page => a.page.cmp(&b.page),
            Self::Callsite => a.call_site.cmp(&b.call_site),
            Self::Bytes => a.bytes.cmp(&b.bytes),
            Self::Hit => a.hit.cmp(&b.hit),
            Self::Order => a.order.cmp(&b.order),
            Self::Migtype => a.migratetype.cmp(&b.migratetype),
            Self::Gfp => a.gfp.cmp(&b.gfp),
        }
    }
}

/// Sorts objects or their call sites, the greatest first; equal ones stay as they are.
pub(super) fn sort_objects(sites: &mut [Site], keys: &[ObjectKey]) {
    sites.sort_by(|a, b| {
        keys.iter().map(|key| key.compare(b, a)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    });
}

/// Sorts pages or their call sites, the greatest first; equal ones stay as they are.
pub(super) fn sort_pages(blocks: &mut [Block], keys: &[PageKey]) {
    blocks.sort_by(|a, b| {
        keys.iter().map(|key| key.compare(b, a)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    });
}
