//! The keys that mean something.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// A key that means something in the live view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// a letter, digit or sign
    Char(char),
    /// accept, or narrow to the selected row
    Enter,
    /// undo, close
    Escape,
    /// undo one step, or one letter
    Backspace,
    /// to the row above
    Up,
    /// to the row below
    Down,
    /// many rows up
    PageUp,
    /// many rows down
    PageDown,
    /// to the first row
    Home,
    /// to the last row
    End,
    /// to the table on the left
    Left,
    /// to the table on the right
    Right,
    /// from pages to objects and back
    Tab,
    /// Ctrl-C: the end, whatever is open
    Interrupt,
}

impl Key {
    /// The key that the terminal reports, if it means something here.
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
