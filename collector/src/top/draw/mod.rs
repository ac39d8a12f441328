//! The drawing of the model on the screen. Parts that do not fit are left out, the least important first, and a text
//! that is cut ends in `…`.

mod buddy;
mod help;
mod status;
mod table;
mod theme;

pub use theme::Theme;

use ratatui::{
    Frame,
    layout::{Alignment, Constraint, Layout, Rect},
    text::Line,
    widgets::Paragraph,
};

use crate::{stat::KeyNames, top::model::Model};

/// The columns and lines of the smallest terminal in which the view can be shown.
const SMALLEST: (u16, u16) = (50, 10);
/// The number of lines that are reserved for the table; the free blocks get only what is left.
const TABLE_ROWS: u16 = 6;

/// Draws the whole view.
pub fn draw(frame: &mut Frame, model: &Model, names: &KeyNames, theme: Theme) {
    let area = frame.area();
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        let text = format!("The terminal is too small: {} × {} are needed. q quits.", SMALLEST.0, SMALLEST.1);
        frame.render_widget(Paragraph::new(text).wrap(ratatui::widgets::Wrap { trim: true }), area);
        return;
    }
    // There is a margin on both sides if the terminal is wide enough.
    let margin = u16::from(area.width > 80);
    let area = Rect { x: area.x + margin, width: area.width - 2 * margin, ..area };
    let status = status::lines(model, names, theme, usize::from(area.width));
    let fixed = status.len() as u16 + 2; // tabs, keys
    let spare = area.height.saturating_sub(fixed + TABLE_ROWS);
    let buddy = buddy::lines(model, names, theme, usize::from(area.width), usize::from(spare));
    let [top, tabs, table, bottom, keys] = Layout::vertical([
        Constraint::Length(status.len() as u16),
        Constraint::Length(1),
        Constraint::Min(0),
        Constraint::Length(buddy.len() as u16),
        Constraint::Length(1),
    ])
    .areas(area);
    frame.render_widget(Paragraph::new(status), top);
    status::curve(frame, model, theme, top);
    frame.render_widget(Paragraph::new(table::tabs(model, theme)), tabs);
    table::draw(frame, model, theme, table);
    frame.render_widget(Paragraph::new(buddy), bottom);
    frame.render_widget(Paragraph::new(keys_line(model, theme, area.width)), keys);
    if model.shows_help() {
        help::draw(frame, area, theme);
    }
}

/// Returns the last line: the keys, or the filter while it is typed.
fn keys_line(model: &Model, theme: Theme, width: u16) -> Line<'static> {
    if model.typing().is_some() {
        return Line::from(vec![
            theme.accent("/ "),
            format!("{}▏", model.filter()).into(),
            theme.dim("  Enter keeps the filter, Escape forgets it"),
        ]);
    }
    let keys = [
        ("q", "quit"),
        ("?", "help"),
        ("1-7", "tables"),
        ("s", "sort"),
        ("/", "filter"),
        ("p", "pause"),
        ("Tab", "pages, objects"),
        ("Enter", "narrow"),
    ];
    let mut line = Vec::new();
    let mut used = 0;
    for (key, does) in keys {
        used += key.len() + does.len() + 3;
        if used > usize::from(width) {
            break;
        }
        line.extend([theme.accent(key), theme.dim(format!(" {does}  "))]);
    }
    Line::from(line).alignment(Alignment::Left)
}
