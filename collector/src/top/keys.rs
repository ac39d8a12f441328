//! What the keys do.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::model::{Model, View};
use crate::stat::Names;

/// A key that means something here.
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
    /// to the view on the left
    Left,
    /// to the view on the right
    Right,
    /// pages or objects
    Tab,
    /// Ctrl-C: end, whatever is open
    Interrupt,
}

/// What comes after a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// it goes on
    Continue,
    /// the user has enough
    Quit,
}

impl Key {
    /// What the terminal reports, if it means something here.
    pub fn from_terminal(key: KeyEvent) -> Option<Self> {
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

impl Model {
    /// Does what the key asks for.
    pub fn press(&mut self, key: Key, names: &Names) -> Next {
        const PAGE: isize = 10;
        if key == Key::Interrupt {
            return Next::Quit;
        }
        if self.typing().is_some() {
            self.edit_filter(key);
        } else if self.shows_help() {
            // Any key closes it.
            self.toggle_help();
        } else {
            match key {
                Key::Char('q') => return Next::Quit,
                Key::Char('p' | ' ') => self.toggle_pause(),
                Key::Char('s') => self.next_sort(),
                Key::Char('r') => self.reverse_sort(),
                Key::Char('/') => self.edit_filter(key),
                Key::Char('?' | 'h') => self.toggle_help(),
                Key::Char(digit @ '1'..='9') => {
                    if let Some(view) = View::ALL.get(digit as usize - '1' as usize) {
                        self.show(*view);
                    }
                }
                Key::Left => self.show(self.view().before()),
                Key::Right => self.show(self.view().after()),
                Key::Tab => self.switch_family(),
                Key::Up | Key::Char('k') => self.select(-1),
                Key::Down | Key::Char('j') => self.select(1),
                Key::PageUp => self.select(-PAGE),
                Key::PageDown => self.select(PAGE),
                Key::Home => self.select(isize::MIN),
                Key::End => self.select(isize::MAX),
                Key::Enter => self.narrow(),
                Key::Backspace => self.widen(),
                Key::Escape => self.widen_all(),
                Key::Char(_) | Key::Interrupt => {}
            }
        }
        self.arrange(names);
        Next::Continue
    }
}
