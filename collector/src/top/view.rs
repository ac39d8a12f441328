//! Which table is shown, how it is sorted, and to what it is narrowed.

use crate::stat::Column;

/// A table, by the column whose values are its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View(pub Column);

impl View {
    /// All tables, in the order of the digits that choose them.
    pub(super) const ALL: [Self; 7] = [
        Self(Column::Zone),
        Self(Column::Order),
        Self(Column::Gfp),
        Self(Column::Migratetype),
        Self(Column::Cache),
        Self(Column::CallSite),
        Self(Column::Comm),
    ];

    /// Its name on the screen.
    pub(super) const fn title(self) -> &'static str {
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

    /// The table that comes so many places after this one; after the last comes the first.
    fn step(self, by: usize) -> Self {
        let at = Self::ALL.iter().position(|view| *view == self).unwrap_or(0);
        Self::ALL[(at + by) % Self::ALL.len()]
    }

    /// The table on the left.
    pub(super) fn before(self) -> Self {
        self.step(Self::ALL.len() - 1)
    }

    /// The table on the right.
    pub(super) fn after(self) -> Self {
        self.step(1)
    }
}

/// By what the rows are sorted.
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

/// A value to which all tables are narrowed: only events with it are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Focus {
    /// the column
    pub column: Column,
    /// the value in this column, as text
    pub value: String,
}
