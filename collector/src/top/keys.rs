//! The actions of the keys.

use super::{key::Key, model::Model, view::View};
use crate::stat::KeyNames;

/// What the live view does after a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The view goes on.
    Continue,
    /// The view ends.
    Quit,
}

impl Model {
    /// Runs the action of a key.
    pub fn press(&mut self, key: Key, names: &KeyNames) -> Next {
        const PAGE: isize = 10;
        if key == Key::Interrupt {
            return Next::Quit;
        }
        if self.typing().is_some() {
            self.edit_filter(key);
        } else if self.shows_help() {
            // Any key closes the help window.
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
                Key::Tab => self.switch_allocator(),
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
