//! What the numbers in events stand for: symbols, stacks, slab caches, cgroups and tasks get numbers here, and rows of
//! the trace that say what each number means.
//!
//! **Invariant:** the row that says what a number means is written before the first event that uses the number.

mod batch;
mod caches;
mod cgroups;
mod name_rows;
mod stacks;
mod symbols;
mod tasks;

pub use self::{
    batch::NameBatch, caches::Caches, cgroups::CgroupNames, stacks::Stacks, symbols::Symbols, tasks::Tasks,
};
