//! One GFP mask, flag by flag.

use gfp::{Bit, Explanation};

use crate::present::table::{Cell, Table, Unit};

/// Returns the single bits of a mask with their meaning as a table.
pub fn table(explanation: &Explanation) -> Table {
    let mut table = Table::new(format!("{:#x} = {}", explanation.mask, explanation.names));
    table.column("flag", "Flag", Unit::Text).column("mask", "Bit", Unit::Text).column("meaning", "Meaning", Unit::Text);
    for Bit { name, mask, meaning } in &explanation.bits {
        let cells = [name.clone(), format!("{mask:#x}"), (*meaning).to_owned()];
        table.row(cells.map(Cell::Text).to_vec());
    }
    table
}
