//! The tables of the live view, their sorting, and the values to which they are narrowed.

use crate::stat::Column;

/// A table, given by the column whose values are the table's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View(pub Column);

impl View {
    /// All tables, in the order of the digits that select them.
    pub(super) const ALL: [Self; 7] = [
        Self(Column::Zone),
        Self(Column::Order),
        Self(Column::Gfp),
        Self(Column::Migratetype),
        Self(Column::Cache),
        Self(Column::CallSite),
        Self(Column::Comm),
    ];

    /// Returns the table's name on the screen.
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

    /// Returns the table that is `by` places after this one. After the last table comes the first.
    fn step(self, by: usize) -> Self {
        let at = Self::ALL.iter().position(|view| *view == self).unwrap_or(0);
        Self::ALL[(at + by) % Self::ALL.len()]
    }

    /// Returns the table on the left.
    pub(super) fn before(self) -> Self {
        self.step(Self::ALL.len() - 1)
    }

    /// Returns the table on the right.
    pub(super) fn after(self) -> Self {
        self.step(1)
    }
}

/// The column by which the rows are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// The allocations per second.
    Allocs,
    /// The frees per second.
    Frees,
    /// The bytes per second.
    Bytes,
    /// The failures per second.
    Failed,
    /// The name, from A to Z.
    Name,
}

impl Sort {
    pub(super) const ALL: [Self; 5] = [Self::Allocs, Self::Frees, Self::Bytes, Self::Failed, Self::Name];
}

/// A value to which all tables are narrowed. Only events with this value are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Focus {
    /// The column of the value.
    pub column: Column,
    /// The value in this column, as text.
    pub value: String,
}
