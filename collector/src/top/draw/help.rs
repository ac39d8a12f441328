//! The help window, which explains the keys and two of the words on the screen.

use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
    widgets::{Block, Clear, Paragraph},
};

use super::theme::Theme;

const KEYS: [(&str, &str); 12] = [
    ("1-7  ← →", "tables: by zone, order, GFP mask, …"),
    ("Tab", "pages or objects, where a table has both"),
    ("s  r", "sort by the next column; the other way round"),
    ("/", "only names that contain a text"),
    ("↑ ↓", "select a row"),
    ("Enter", "narrow all tables to the selected row's value"),
    ("Backspace", "take the last narrowing back; Escape: all"),
    ("p", "pause: the counts go on, the screen stands still"),
    ("q", "quit (Ctrl-C, too)"),
    ("", ""),
    ("unusable", "free memory in blocks too small for an order"),
    ("without room", "events in the totals, but in no row"),
];

/// Draws the help window over everything else.
pub fn draw(frame: &mut Frame, area: Rect, theme: Theme) {
    let line = |(key, does): (&'static str, &'static str)| {
        Line::from(vec![theme.accent(format!(" {key:<14}")), Span::raw(does)])
    };
    let width = 66.min(area.width);
    let height = (KEYS.len() as u16 + 2).min(area.height);
    let window = Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
    frame.render_widget(Clear, window);
    let block = Block::bordered().title(" keys ").border_style(theme.dim_style());
    frame.render_widget(Paragraph::new(KEYS.map(line).to_vec()).block(block), window);
}
