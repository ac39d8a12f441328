//! One table, many faces: what is shown in a terminal, in HTML, as CSV and as JSON comes from the same cells.

use serde_json::{Map, Value, json};

use crate::units;
pub use crate::units::Unit;

/// A table of results.
#[derive(Debug, Clone)]
pub struct Table {
    /// what it shows
    pub title: String,
    /// its columns
    pub columns: Vec<Column>,
    /// its rows: one cell per column
    pub rows: Vec<Vec<Cell>>,
    /// what must be known to read it rightly, losses first
    pub notes: Vec<String>,
}

/// A column of a [`Table`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// its key in JSON and CSV
    pub id: String,
    /// its heading
    pub title: String,
    /// what its numbers are
    pub unit: Unit,
    /// only in JSON and CSV
    pub hidden: bool,
}

/// A cell of a [`Table`].
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// words
    Text(String),
    /// a whole number of the column's unit
    Integer(i64),
    /// any number of the column's unit
    Real(f64),
    /// there is no such number
    None,
}

impl Table {
    /// Returns a table without columns.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), columns: Vec::new(), rows: Vec::new(), notes: Vec::new() }
    }

    /// Adds a column.
    pub fn column(&mut self, id: impl Into<String>, title: impl Into<String>, unit: Unit) -> &mut Self {
        self.columns.push(Column { id: id.into(), title: title.into(), unit, hidden: false });
        self
    }

    /// Adds a column that only JSON and CSV have.
    pub fn hidden(&mut self, id: impl Into<String>, title: impl Into<String>, unit: Unit) -> &mut Self {
        self.columns.push(Column { id: id.into(), title: title.into(), unit, hidden: true });
        self
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<Cell>) -> &mut Self {
        debug_assert_eq!(cells.len(), self.columns.len(), "a cell per column");
        self.rows.push(cells);
        self
    }

    /// Adds a note.
    pub fn note(&mut self, note: impl Into<String>) -> &mut Self {
        self.notes.push(note.into());
        self
    }

    /// Hides columns that say nothing: those that are zero in every row.
    #[must_use]
    pub fn without_empty(mut self, ids: &[&str]) -> Self {
        for (at, column) in self.columns.iter_mut().enumerate() {
            column.hidden |=
                ids.contains(&column.id.as_str()) && self.rows.iter().all(|row| row[at] == Cell::Integer(0));
        }
        self
    }

    /// Returns the rows as JSON objects: numbers are numbers, in the column's unit, unrounded.
    pub fn to_json(&self) -> Value {
        let object = |row: &Vec<Cell>| -> Value {
            let cells = self.columns.iter().zip(row).map(|(column, cell)| (column.id.clone(), cell.to_json()));
            Value::Object(cells.collect::<Map<_, _>>())
        };
        Value::Array(self.rows.iter().map(object).collect())
    }

    /// Returns the table as CSV (RFC 4180): a line of column ids, then a line per row.
    pub fn to_csv(&self) -> String {
        self.csv_heading() + &self.csv_rows()
    }

    /// Returns the first line of the CSV: the ids of the columns.
    pub fn csv_heading(&self) -> String {
        csv_line(self.columns.iter().map(|column| quoted(&column.id)))
    }

    /// Returns the lines of the CSV after the first: one per row.
    pub fn csv_rows(&self) -> String {
        let text = |cell: &Cell| match cell {
            Cell::Text(text) => quoted(text),
            Cell::None => String::new(),
            number => number.to_json().to_string(),
        };
        self.rows.iter().map(|row| csv_line(row.iter().map(text))).collect()
    }

    /// Returns the columns that people see, with their places.
    pub fn visible(&self) -> impl Iterator<Item = (usize, &Column)> {
        self.columns.iter().enumerate().filter(|(_, column)| !column.hidden)
    }
}

fn csv_line(cells: impl Iterator<Item = String>) -> String {
    cells.collect::<Vec<_>>().join(",") + "\r\n"
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

impl Column {
    /// Returns the heading with its unit.
    pub fn heading(&self) -> String {
        self.unit.heading().map_or_else(|| self.title.clone(), |unit| format!("{} ({unit})", self.title))
    }
}

impl From<usize> for Cell {
    fn from(number: usize) -> Self {
        Self::Integer(number.cast_signed() as i64)
    }
}

impl Cell {
    fn to_json(&self) -> Value {
        match self {
            Self::Text(text) => json!(text),
            Self::Integer(number) => json!(number),
            Self::Real(number) => json!(number),
            Self::None => Value::Null,
        }
    }

    /// Returns the number that the cell is sorted by.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Integer(number) => Some(*number as f64),
            Self::Real(number) => Some(*number),
            Self::Text(_) | Self::None => None,
        }
    }

    /// Returns the cell as people read it.
    pub fn show(&self, unit: Unit) -> String {
        let number = match self {
            Self::Text(text) => return text.clone(),
            Self::None => return "-".to_owned(),
            // As a real number it would lose digits from 2^53 on.
            Self::Integer(number) if matches!(unit, Unit::Text | Unit::Number) => return number.to_string(),
            Self::Integer(number) => *number as f64,
            Self::Real(number) => *number,
        };
        match unit {
            Unit::Count => units::count(number.round() as i64),
            Unit::Bytes => units::bytes(number as i64),
            Unit::Duration => units::duration(number),
            Unit::Fraction => units::percent(number),
            Unit::Index => format!("{:.3}", number / 1000.0),
            Unit::Text | Unit::Number => number.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Table {
        let mut table = Table::new("t");
        table.column("name", "Name", Unit::Text).column("size", "Size", Unit::Bytes).hidden(
            "lost",
            "Lost",
            Unit::Count,
        );
        table.row(vec![Cell::Text("a,\"b\"".into()), Cell::Integer(2048), Cell::Integer(0)]);
        table.row(vec![Cell::Text("c".into()), Cell::None, Cell::Integer(0)]);
        table
    }

    #[test]
    fn csv_quotes_and_json_keeps_numbers() {
        assert_eq!(sample().to_csv(), "name,size,lost\r\n\"a,\"\"b\"\"\",2048,0\r\nc,,0\r\n");
        assert_eq!(
            sample().to_json(),
            json!([{"name": "a,\"b\"", "size": 2048, "lost": 0}, {"name": "c", "size": null, "lost": 0}])
        );
    }

    #[test]
    fn cells_carry_their_unit() {
        assert_eq!(Cell::Integer(2048).show(Unit::Bytes), "2.00 KiB");
        assert_eq!(Cell::Real(0.1234).show(Unit::Fraction), "12.3");
        assert_eq!(Cell::Integer(-1000).show(Unit::Index), "-1.000");
        assert_eq!(Cell::None.show(Unit::Count), "-");
    }

    #[test]
    fn a_column_of_zeros_can_be_hidden() {
        let mut table = sample();
        table.columns[2].hidden = false;
        assert_eq!(table.clone().visible().count(), 3);
        assert_eq!(table.without_empty(&["lost", "size"]).visible().count(), 2);
    }
}
