//! The meaning of the numbers in events. Symbols, stacks, slab caches, cgroups and tasks get numbers here, and rows of
//! the trace that give each number its meaning.
//!
//! **Invariant:** the row that gives a number its meaning is written before the first event with that number.

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
