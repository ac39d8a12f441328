//! One GFP mask, flag by flag.

pub use crate::decode::gfp::{Explained, Flag, explain};
use crate::present::table::{Cell, Table, Unit};

/// Returns the single bits of a mask with their meaning as a table.
pub fn table(explained: &Explained) -> Table {
    let mut table = Table::new(format!("{:#x} = {}", explained.mask, explained.names));
    table.column("flag", "Flag", Unit::Text).column("mask", "Bit", Unit::Text).column("meaning", "Meaning", Unit::Text);
    for Flag { name, mask, meaning } in &explained.bits {
        let cells = [name.clone(), format!("{mask:#x}"), (*meaning).to_owned()];
        table.row(cells.map(Cell::Text).to_vec());
    }
    table
}
