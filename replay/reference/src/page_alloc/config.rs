//! What a page allocator is built from.

use crate::{Generation, GfpTable, Layout, Rules, Tunables};

/// Everything a page allocator is built from.
#[derive(Clone, Debug)]
pub struct Config {
    /// The machine.
    pub layout: Layout,
    /// The kernel generation.
    pub generation: Generation,
    /// Its rules; change one for a what-if.
    pub rules: Rules,
    /// The GFP numbering of the masks that will be passed in.
    pub gfp: GfpTable,
    /// `/proc/sys/vm` settings.
    pub tunables: Tunables,
}

impl Config {
    /// A machine under an unmodified kernel of this generation.
    pub fn new(layout: Layout, generation: Generation) -> Self {
        let thp = generation != Generation::Textbook;
        let tunables = Tunables { thp, ..Tunables::default() };
        Self { layout, generation, rules: Rules::of(generation), gfp: GfpTable::of(generation), tunables }
    }
}
