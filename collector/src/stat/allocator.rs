//! The two allocators whose events are counted.

use trace::{Family, Program};

use super::column::Column;

/// The kernel's allocators, each of which has a table of its own, because their columns differ and a page that holds
/// objects would be counted twice in one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Allocator {
    /// The page allocator, whose events are allocations and frees of pages.
    Page,
    /// The slab allocator, whose events are those of kmalloc and kfree, and of the slab caches' own functions.
    Slab,
}

impl Allocator {
    /// Both allocators.
    pub(crate) const ALL: [Self; 2] = [Self::Page, Self::Slab];

    /// Returns the allocator whose events a program counts, if it counts any.
    pub(crate) fn of(program: Program) -> Option<Self> {
        match program.family() {
            Family::Page => Some(Self::Page),
            Family::Slab | Family::Cache => Some(Self::Slab),
            _ => None,
        }
    }

    /// Returns whether the events of the allocator have a value in the column.
    pub(crate) const fn has(self, column: Column) -> bool {
        match column {
            Column::Order | Column::Zone | Column::Migratetype => matches!(self, Self::Page),
            Column::Cache | Column::CallSite => matches!(self, Self::Slab),
            Column::Gfp | Column::Comm => true,
        }
    }

    /// Returns the allocator's name in tables and JSON.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Page => "pages",
            Self::Slab => "objects",
        }
    }
}
