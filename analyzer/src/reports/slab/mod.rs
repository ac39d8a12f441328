//! What is taken from the slab allocator and how much of it nobody asked for: who wastes ([`Usage`]), and which
//! requests another size would serve better ([`Misfit`]).

pub(crate) mod size_classes;
pub(crate) mod usage;

pub use self::{
    size_classes::{Misfit, table as misfits_table},
    usage::{Bytes, Slab, Usage, read},
};
