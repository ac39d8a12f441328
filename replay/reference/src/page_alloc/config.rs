//! The configuration of a page allocator.

use crate::{Generation, GfpTable, Layout, Rules, Tunables};

/// The configuration of a page allocator.
#[derive(Clone, Debug)]
pub struct Config {
    /// The layout of the machine.
    pub layout: Layout,
    /// The kernel generation.
    pub generation: Generation,
    /// The rules of the generation, of which a what-if changes one.
    pub rules: Rules,
    /// The GFP numbering of the masks that will be passed in.
    pub gfp: GfpTable,
    /// The settings of `/proc/sys/vm`.
    pub tunables: Tunables,
}

impl Config {
    /// Returns the configuration of a machine under an unmodified kernel of this generation.
    pub fn new(layout: Layout, generation: Generation) -> Self {
        let thp = generation != Generation::Textbook;
        let tunables = Tunables { thp, ..Tunables::default() };
        Self { layout, generation, rules: Rules::of(generation), gfp: GfpTable::of(generation), tunables }
    }
}
