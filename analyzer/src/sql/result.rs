//! This module makes a table of a query's result.

use rusqlite::types::ValueRef;

use crate::present::table::{Cell, Table, Unit};

/// Returns the names of columns. A repeated name gets a number at its end, since the fields of a JSON object need
/// distinct names.
pub(super) fn unique<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut unique: Vec<String> = Vec::new();
    for name in names {
        let mut free = name.to_owned();
        let mut number = 1;
        while unique.contains(&free) {
            number += 1;
            free = format!("{name}_{number}");
        }
        unique.push(free);
    }
    unique
}

/// Returns rows as a table. A column has the unit `Text` if any of its cells is a text.
pub(super) fn table(names: &[String], rows: Vec<Vec<Cell>>) -> Table {
    let mut table = Table::new("Result");
    for (at, name) in names.iter().enumerate() {
        let is_text = rows.iter().any(|row| matches!(row[at], Cell::Text(_)));
        table.column(name, name, if is_text { Unit::Text } else { Unit::Number });
    }
    table.rows = rows;
    table
}

/// Returns a value as a cell. The bytes of a blob are written in hexadecimal.
pub(super) fn cell(value: ValueRef<'_>) -> Cell {
    match value {
        ValueRef::Null => Cell::None,
        ValueRef::Integer(number) => Cell::Integer(number),
        ValueRef::Real(number) => Cell::Real(number),
        ValueRef::Text(text) => Cell::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => {
            Cell::Text(bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}")))
        }
    }
}
