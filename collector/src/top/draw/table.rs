//! The table of rates.

use ratatui::{
    Frame,
    layout::{Constraint, Rect},
    text::{Line, Span},
    widgets::{Cell, Row, Table, TableState},
};

use super::theme::Theme;
use crate::{
    number,
    stat::{Allocator, Row as Counted},
    top::{
        model::Model,
        view::{Focus, Sort, View},
    },
};

/// Returns the line with the names of the tables, the values to which they are narrowed, and the filter.
pub fn tabs(model: &Model, theme: Theme) -> Line<'static> {
    let mut spans = Vec::new();
    for (number, view) in View::ALL.into_iter().enumerate() {
        let text = format!(" {} {} ", number + 1, view.title());
        spans.push(if view == model.view() { Span::styled(text, Theme::selected_style()) } else { theme.dim(text) });
    }
    for Focus { column, value } in model.focus() {
        spans.push(theme.accent(format!("  {column}={value}")));
    }
    if !model.filter().is_empty() {
        spans.push(theme.accent(format!("  /{}", model.filter())));
    }
    Line::from(spans)
}

/// The columns of numbers. Each has its sorting, its heading, its width, and the width of the table from which it is
/// shown.
const NUMBERS: [(Sort, &str, u16, u16); 4] = [
    (Sort::Allocs, "allocs/s", 10, 0),
    (Sort::Frees, "frees/s", 10, 60),
    (Sort::Bytes, "bytes/s", 11, 0),
    (Sort::Failed, "failed/s", 10, 70),
];
/// The width of the bars of shares, in columns of the screen.
const BAR: u16 = 12;

/// Draws the rows around the selected one, as far as they fit.
pub fn draw(frame: &mut Frame, model: &Model, theme: Theme, area: Rect) {
    // A free has no value in a column of requests, so a table by such a column shows no frees.
    let has = |column| column != Sort::Frees || !model.view().0.is_of_requests();
    let shown: Vec<_> = NUMBERS.into_iter().filter(|(column, .., from)| area.width >= *from && has(*column)).collect();
    let with_bar = area.width >= 90;
    let (sort, reversed) = model.sort();
    let mark = |column| {
        if column != sort {
            ""
        } else if reversed {
            "▲"
        } else {
            "▼"
        }
    };
    let allocator = match model.allocator() {
        Allocator::Page => "pages",
        Allocator::Slab => "objects",
    };
    let mut heading = vec![Cell::new(format!("{allocator} by {}{}", model.view().title(), mark(Sort::Name)))];
    heading.extend(
        shown
            .iter()
            .map(|(column, title, ..)| Cell::new(Line::from(format!("{title}{}", mark(*column))).right_aligned())),
    );
    let numbers: u16 = shown.iter().map(|(_, _, width, _)| width + 1).sum();
    let name_width = area.width.saturating_sub(numbers + if with_bar { BAR + 2 } else { 0 });
    let mut widths = vec![Constraint::Length(name_width)];
    widths.extend(shown.iter().map(|(_, _, width, _)| Constraint::Length(*width)));
    if with_bar {
        heading.push(Cell::new(" share"));
        widths.push(Constraint::Length(BAR + 1));
    }
    let all: u64 = model.rows().iter().map(|row| row.counts.allocs).sum();
    let row = |row: &Counted| {
        let mut cells = vec![Cell::new(shorten(&row.values[0], usize::from(name_width)))];
        for (column, ..) in &shown {
            let counts = row.counts;
            let text = match column {
                Sort::Frees => number::rate(model.per_second(counts.frees)),
                Sort::Bytes => number::short_bytes(model.per_second(counts.alloc_bytes)),
                Sort::Failed => number::rate(model.per_second(counts.failures)),
                Sort::Allocs | Sort::Name => number::rate(model.per_second(counts.allocs)),
            };
            let style = if *column == Sort::Failed && counts.failures > 0 {
                theme.warning_style()
            } else {
                ratatui::style::Style::new()
            };
            cells.push(Cell::new(Line::from(text).right_aligned()).style(style));
        }
        if with_bar {
            cells.push(
                Cell::new(format!(" {}", bar(row.counts.allocs, all, usize::from(BAR)))).style(theme.accent_style()),
            );
        }
        Row::new(cells)
    };
    if model.rows().is_empty() {
        let text = if model.recent().time == 0 {
            "counting…"
        } else {
            "nothing was allocated or freed in the last interval"
        };
        frame
            .render_widget(Line::from(theme.dim(text)), Rect { y: area.y + 1.min(area.height - 1), height: 1, ..area });
    }
    let table = Table::new(model.rows().iter().map(row), widths)
        .header(Row::new(heading).style(Theme::heading_style()))
        .column_spacing(1)
        .row_highlight_style(Theme::selected_style());
    let mut state = TableState::new().with_selected((!model.rows().is_empty()).then_some(model.selected()));
    frame.render_stateful_widget(table, area, &mut state);
}

/// Returns a name, cut to the width.
fn shorten(name: &str, width: usize) -> String {
    if name.chars().count() <= width {
        name.to_owned()
    } else {
        name.chars().take(width.saturating_sub(1)).chain(['…']).collect()
    }
}

/// Returns a bar whose length is the share of `part` in `all`, to an eighth of a cell.
fn bar(part: u64, all: u64, cells: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (part * cells as u64 * 8).div_ceil(all.max(1)) as usize;
    format!("{}{}", "█".repeat(eighths / 8), EIGHTHS[eighths % 8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_cut_says_so() {
        assert_eq!(shorten("GFP_KERNEL", 10), "GFP_KERNEL");
        assert_eq!(shorten("GFP_KERNEL|__GFP_ZERO", 10), "GFP_KERNE…");
    }

    #[test]
    fn a_bar_is_as_long_as_its_share() {
        assert_eq!(bar(0, 10, 10), "");
        assert_eq!(bar(10, 10, 10), "██████████");
        assert_eq!(bar(1, 4, 10), "██▌");
        assert_eq!(bar(1, 100_000, 10), "▏", "what is there can be seen");
        assert_eq!(bar(0, 0, 10), "");
    }
}
