//! What counts can be told apart by.

use std::{fmt, str::FromStr};

use trace::{Program, columns};

/// A column of the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Column {
    /// order of pages
    Order,
    /// zone of pages
    Zone,
    /// migratetype that pages were asked for with
    Migratetype,
    /// GFP mask of an allocation
    Gfp,
    /// slab cache, or size class of kmalloc
    Cache,
    /// who allocated or freed an object
    CallSite,
    /// name of the thread
    Comm,
}

impl Column {
    /// Every one.
    pub const ALL: [Self; 7] =
        [Self::Order, Self::Zone, Self::Migratetype, Self::Gfp, Self::Cache, Self::CallSite, Self::Comm];

    /// Its name on the command line, in tables and JSON.
    pub const fn name(self) -> &'static str {
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

    /// The bit that the counting programs know it by.
    pub const fn bit(self) -> u32 {
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

    /// All of them as a set.
    pub fn set(columns: &[Self]) -> u32 {
        columns.iter().fold(0, |set, column| set | column.bit())
    }

    /// Whether only an allocation has a value here, and its free does not tell it again.
    pub const fn is_of_requests(self) -> bool {
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

/// Pages and objects are counted apart: they have other columns, and a page that holds objects would be counted twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// pages allocated and freed
    Pages,
    /// objects: kmalloc and kfree, the slab caches' own calls
    Objects,
}

impl Family {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Pages, Self::Objects];

    /// What a program counts, if it does.
    pub fn of(program: Program) -> Option<Self> {
        match program.family() {
            trace::Family::Page => Some(Self::Pages),
            trace::Family::Slab | trace::Family::Cache => Some(Self::Objects),
            _ => None,
        }
    }

    /// Whether its events have a value in the column.
    pub const fn has(self, column: Column) -> bool {
        match column {
            Column::Order | Column::Zone | Column::Migratetype => matches!(self, Self::Pages),
            Column::Cache | Column::CallSite => matches!(self, Self::Objects),
            Column::Gfp | Column::Comm => true,
        }
    }

    /// Its name in tables and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pages => "pages",
            Self::Objects => "objects",
        }
    }
}
