//! The terminal: the keys that come from it, and the screen while it is ours.

use std::{
    io,
    sync::mpsc::{self, Receiver},
    thread,
};

use ratatui::{
    DefaultTerminal,
    crossterm::event::{self, Event, KeyEventKind},
};

use super::key::Key;
use crate::Error;

/// Keys as they are pressed. Read in a thread of their own: where the terminal is gone, reading from it never returns,
/// and this has to end all the same. It is only started when the privileges are dropped, which each thread has of its
/// own.
pub(super) fn read_keys() -> Receiver<Key> {
    let (sender, keys) = mpsc::channel();
    thread::spawn(move || {
        while let Ok(event) = event::read() {
            if let Event::Key(key) = event
                && key.kind != KeyEventKind::Release
                && let Some(key) = Key::from_terminal(key)
                && sender.send(key).is_err()
            {
                break;
            }
        }
    });
    keys
}

pub(super) fn refused(error: io::Error) -> Error {
    Error::System { action: "use the terminal", error }
}

/// The terminal while it is ours. However this ends, by a panic too, the user gets it back as it was.
pub(super) struct Screen {
    pub terminal: DefaultTerminal,
}

impl Screen {
    pub fn open() -> Result<Self, Error> {
        // Installs the hook for panics, too.
        ratatui::try_init().map(|terminal| Self { terminal }).map_err(refused)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Nothing is left to do if this fails.
        let _gone = ratatui::try_restore();
    }
}
