//! The keys that the live view uses.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// A key that the live view uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// A letter, digit or sign.
    Char(char),
    /// Enter, which accepts the filter or narrows to the selected row.
    Enter,
    /// Escape, which undoes all narrowing, or cancels or closes what is open.
    Escape,
    /// Backspace, which undoes one step of narrowing or deletes one letter.
    Backspace,
    /// The arrow to the row above.
    Up,
    /// The arrow to the row below.
    Down,
    /// The key that moves many rows up.
    PageUp,
    /// The key that moves many rows down.
    PageDown,
    /// The key that moves to the first row.
    Home,
    /// The key that moves to the last row.
    End,
    /// The arrow to the table on the left.
    Left,
    /// The arrow to the table on the right.
    Right,
    /// Tab, which switches between pages and objects.
    Tab,
    /// Ctrl-C or Ctrl-D, which ends the view, whatever is open.
    Interrupt,
}

impl Key {
    /// Returns the key that the terminal reports, if the live view uses it.
    pub(super) fn from_terminal(key: KeyEvent) -> Option<Self> {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        Some(match key.code {
            KeyCode::Char('c' | 'd') if control => Self::Interrupt,
            KeyCode::Char(_) if control || key.modifiers.contains(KeyModifiers::ALT) => return None,
            KeyCode::Char(char) => Self::Char(char),
            KeyCode::Enter => Self::Enter,
            KeyCode::Esc => Self::Escape,
            KeyCode::Backspace => Self::Backspace,
            KeyCode::Up => Self::Up,
            KeyCode::Down => Self::Down,
            KeyCode::PageUp => Self::PageUp,
            KeyCode::PageDown => Self::PageDown,
            KeyCode::Home => Self::Home,
            KeyCode::End => Self::End,
            KeyCode::Left | KeyCode::BackTab => Self::Left,
            KeyCode::Right => Self::Right,
            KeyCode::Tab => Self::Tab,
            _ => return None,
        })
    }
}
