//! A [`Table`] for the terminal, as text.

use comfy_table::{Attribute, Cell, CellAlignment, Color, ContentArrangement, LineStyle, Table as Grid, presets};

use super::table::{Table, Unit};
use crate::units;

/// What the terminal can show: how much room there is, and whether colours are wanted.
#[derive(Debug, Clone, Copy)]
pub struct Terminal {
    /// break lines to the terminal's width; otherwise the table is as wide as it likes, as for a file or a pipe
    pub fit: bool,
    /// escape codes for colour and bold
    pub colour: bool,
}

/// Returns the table with its title above and its notes below. It has at most `limit` rows; a line says how many were
/// left out.
pub fn render(table: &Table, terminal: Terminal, limit: usize) -> String {
    let mut grid = Grid::new();
    grid.load_style(presets::NOTHING.header_separator(LineStyle::none().fill('─').junction('─')));
    grid.set_content_arrangement(if terminal.fit { ContentArrangement::Dynamic } else { ContentArrangement::Disabled });
    if terminal.colour {
        grid.enforce_styling();
    } else {
        grid.force_no_tty();
    }
    let visible: Vec<_> = table.visible().collect();
    let align = |unit: Unit| if unit == Unit::Text { CellAlignment::Left } else { CellAlignment::Right };
    let heading = |text: String, unit| Cell::new(text).set_alignment(align(unit)).add_attribute(Attribute::Bold);
    grid.set_header(visible.iter().map(|(_, column)| heading(column.heading(), column.unit)));
    for row in table.rows.iter().take(limit) {
        grid.add_row(visible.iter().map(|&(at, column)| {
            let cell = Cell::new(row[at].show(column.unit)).set_alignment(align(column.unit));
            // Zeros step back, so that what happened stands out.
            if row[at].number() == Some(0.0) && column.unit != Unit::Number { cell.fg(Color::DarkGrey) } else { cell }
        }));
    }
    let mut lines = vec![table.title.clone(), grid.to_string()];
    if table.rows.len() > limit {
        let more = units::len(table.rows.len() - limit);
        lines.push(format!("… and {more} more rows (--limit 0 shows all)"));
    }
    lines.extend(table.notes.iter().cloned());
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::present::table::Cell;

    #[test]
    fn numbers_are_right_aligned_and_what_is_left_out_is_said() {
        let mut table = Table::new("Sizes");
        table.column("name", "Name", Unit::Text).column("size", "Size", Unit::Bytes).note("! 3 events were lost");
        for (name, size) in [("a", 1), ("b", 4096), ("c", 7)] {
            table.row(vec![Cell::Text(name.into()), Cell::Integer(size)]);
        }
        let text = render(&table, Terminal { fit: false, colour: false }, 2);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "Sizes");
        assert!(text.contains("a           1 B"), "{text}");
        assert!(text.contains("b      4.00 KiB"), "{text}");
        assert!(!text.contains("7 B") && text.contains("… and 1 more rows"), "{text}");
        assert!(text.ends_with("! 3 events were lost\n") && !text.contains('\u{1b}'));
        assert!(render(&table, Terminal { fit: true, colour: true }, 9).contains('\u{1b}'));
    }
}
