//! The columns by which counts can be told apart.

use std::{fmt, str::FromStr};

use trace::columns;

/// A column by which counts can be told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Column {
    /// The order of the pages.
    Order,
    /// The zone of the pages.
    Zone,
    /// The migratetype that was asked for.
    Migratetype,
    /// The GFP mask of an allocation.
    Gfp,
    /// The slab cache, or the size class of kmalloc.
    Cache,
    /// The place in the kernel's code that allocated or freed an object.
    CallSite,
    /// The name of the thread.
    Comm,
}

impl Column {
    /// All columns.
    pub(crate) const ALL: [Self; 7] =
        [Self::Order, Self::Zone, Self::Migratetype, Self::Gfp, Self::Cache, Self::CallSite, Self::Comm];

    /// Returns the column's name on the command line, in tables and JSON.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Zone => "zone",
            Self::Migratetype => "migratetype",
            Self::Gfp => "gfp",
            Self::Cache => "cache",
            Self::CallSite => "callsite",
            Self::Comm => "comm",
        }
    }

    /// Returns the column's bit in the counting programs' set of [`trace::columns`].
    pub(crate) const fn bit(self) -> u32 {
        match self {
            Self::Order => columns::ORDER,
            Self::Zone => columns::ZONE,
            Self::Migratetype => columns::MIGRATETYPE,
            Self::Gfp => columns::GFP,
            Self::Cache => columns::CACHE,
            Self::CallSite => columns::CALL_SITE,
            Self::Comm => columns::COMM,
        }
    }

    /// Returns several columns as a set of these bits.
    pub(crate) fn set(columns: &[Self]) -> u32 {
        columns.iter().fold(0, |set, column| set | column.bit())
    }

    /// Returns whether only allocations have a value in this column, because the kernel does not report it for a free.
    pub(crate) const fn is_of_requests(self) -> bool {
        matches!(self, Self::Migratetype | Self::Gfp)
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Column {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = || Self::ALL.map(Self::name).join(", ");
        Self::ALL.into_iter().find(|column| column.name() == text).ok_or_else(|| format!("there are {}", names()))
    }
}
