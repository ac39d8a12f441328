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

/// Receives the keys as they are pressed. They are read in a thread of their own: where the terminal is gone, reading
/// from it never returns, and the view has to end all the same. The privileges have to be dropped before, because each
/// thread has its own.
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

/// The error of a terminal that refuses something.
pub(super) fn refused(error: io::Error) -> Error {
    Error::System { action: "use the terminal", error }
}

/// The terminal while it shows the view. However the view ends, by a panic too, the user gets the terminal back as it
/// was.
pub(super) struct Screen {
    pub terminal: DefaultTerminal,
}

impl Screen {
    pub fn open() -> Result<Self, Error> {
        // This installs the hook for panics, too.
        ratatui::try_init().map(|terminal| Self { terminal }).map_err(refused)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Nothing is left to do if this fails.
        let _gone = ratatui::try_restore();
    }
}
