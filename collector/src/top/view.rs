//! Which table is shown, how it is sorted, and to what it is narrowed.

use crate::stat::Column;

/// A table: what its rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View(pub Column);

impl View {
    /// Every one, in the order of their digits.
    pub const ALL: [Self; 7] = [
        Self(Column::Zone),
        Self(Column::Order),
        Self(Column::Gfp),
        Self(Column::Migratetype),
        Self(Column::Cache),
        Self(Column::CallSite),
        Self(Column::Comm),
    ];

    /// Its name on the screen.
    pub const fn title(self) -> &'static str {
        match self.0 {
            Column::Zone => "zone",
            Column::Order => "order",
            Column::Gfp => "GFP",
            Column::Migratetype => "migratetype",
            Column::Cache => "cache",
            Column::CallSite => "call site",
            Column::Comm => "process",
        }
    }

    fn step(self, by: usize) -> Self {
        let at = Self::ALL.iter().position(|view| *view == self).unwrap_or(0);
        Self::ALL[(at + by) % Self::ALL.len()]
    }

    pub(super) fn before(self) -> Self {
        self.step(Self::ALL.len() - 1)
    }

    pub(super) fn after(self) -> Self {
        self.step(1)
    }
}

/// By what rows are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// allocations per second
    Allocs,
    /// frees per second
    Frees,
    /// bytes per second
    Bytes,
    /// failures per second
    Failed,
    /// name, from A to Z
    Name,
}

impl Sort {
    pub(super) const ALL: [Self; 5] = [Self::Allocs, Self::Frees, Self::Bytes, Self::Failed, Self::Name];
}

/// A value that all rows shall have, picked from a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Focus {
    /// in this column
    pub column: Column,
    /// this value
    pub value: String,
}
